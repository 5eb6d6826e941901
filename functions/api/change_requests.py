"""Change requests: what was proposed, and who approves and applies it (platform.md 15)."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from msgspec import UNSET

from common.approvals.listing import PAGE_DEFAULT, EvaluatedRequest
from common.approvals.model import ChangeRequest, Evaluation, EventKind, RequestEvent, RequestFilter
from common.change_requests.service import decisions, requests
from common.core.clock import from_millis
from common.people.users.model import Person
from common.wire import change_requests as wire
from common.wire.stacks import UserInfo
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, empty, reply

router = APIRouter()
_REQUESTS = "/api/change-requests/{org}"
_REQUEST = f"{_REQUESTS}/{{change_request_id}}"
Token = Annotated[str | None, Query(alias="continuationToken")]


@router.get(_REQUESTS)
def list_change_requests(
    backend: BackendDep,
    caller: CallerDep,
    org: str,
    token: Token = None,
    count: Annotated[int, Query(ge=0)] = PAGE_DEFAULT,
    entity_id: Annotated[str | None, Query(alias="entityId")] = None,
    entity_type: Annotated[str | None, Query(alias="entityType")] = None,
) -> Response:
    narrowed = RequestFilter(entity_type or None, entity_id or None)
    page, next_token = requests.page_requests(backend, caller, org, narrowed, token, count or PAGE_DEFAULT)
    return reply(wire.ListChangeRequestsResponse([_request(one) for one in page], next_token or ""))


@router.get(_REQUEST)
def get_change_request(backend: BackendDep, caller: CallerDep, org: str, change_request_id: str) -> Response:
    shown = requests.get_request(backend, caller, org, change_request_id)
    return reply(wire.GetChangeRequestResponse(**_members(shown.request), gate_evaluation=_evaluation(shown.evaluation)))


@router.patch(_REQUEST)
def update_change_request(backend: BackendDep, caller: CallerDep, org: str, change_request_id: str, body: BodyDep) -> Response:
    description = body.decode(wire.UpdateChangeRequestRequest).description
    decisions.update_description(backend, caller, org, change_request_id, description)
    return empty()


@router.post(f"{_REQUEST}/submit")
def submit_change_request(backend: BackendDep, caller: CallerDep, org: str, change_request_id: str, body: BodyDep) -> Response:
    description = body.decode(wire.SubmitChangeRequestRequest).description if body.text else None
    decisions.submit(backend, caller, org, change_request_id, description)
    return empty()


@router.post(f"{_REQUEST}/approve")
def approve_change_request(backend: BackendDep, caller: CallerDep, org: str, change_request_id: str, body: BodyDep) -> Response:
    request = body.decode(wire.ApproveChangeRequestRequest)
    decisions.approve(backend, caller, org, change_request_id, request.revision_number, request.comment or "")
    return empty()


@router.delete(f"{_REQUEST}/approve")
def unapprove_change_request(backend: BackendDep, caller: CallerDep, org: str, change_request_id: str, body: BodyDep) -> Response:
    comment = body.decode(wire.ChangeRequestComment).comment if body.text else None
    decisions.unapprove(backend, caller, org, change_request_id, comment or "")
    return empty()


@router.post(f"{_REQUEST}/apply")
def apply_change_request(backend: BackendDep, caller: CallerDep, org: str, change_request_id: str) -> Response:
    applied = decisions.apply(backend, caller, org, change_request_id)
    return reply(wire.ChangeRequestApplyResult(applied.url, applied.message))


@router.post(f"{_REQUEST}/close")
def close_change_request(backend: BackendDep, caller: CallerDep, org: str, change_request_id: str, body: BodyDep) -> Response:
    comment = body.decode(wire.ChangeRequestComment).comment if body.text else None
    decisions.close(backend, caller, org, change_request_id, comment or "")
    return empty()


@router.post(f"{_REQUEST}/comments")
def add_change_request_comment(
    backend: BackendDep, caller: CallerDep, org: str, change_request_id: str, body: BodyDep
) -> Response:
    comment = body.decode(wire.AddChangeRequestCommentRequest).comment
    decisions.add_comment(backend, caller, org, change_request_id, comment)
    return empty()


@router.get(f"{_REQUEST}/events")
def list_change_request_events(
    backend: BackendDep, caller: CallerDep, org: str, change_request_id: str, token: Token = None
) -> Response:
    page, next_token = requests.page_events(backend, caller, org, change_request_id, token)
    events = [_event(one, change_request_id) for one in page]
    return reply(wire.ListChangeRequestEventsResponse(events, next_token or ""))


def entity(qualified_name: str) -> wire.TargetEntityEnvironment:
    """Return an environment as the wire has it."""
    project, _, name = qualified_name.partition("/")
    return wire.TargetEntityEnvironment(project, name)


def _request(shown: EvaluatedRequest) -> wire.ChangeRequest:
    return wire.ChangeRequest(**_members(shown.request))


def _members(request: ChangeRequest) -> dict[str, Any]:
    return {
        "id": request.id,
        "status": request.status.value,
        "org_id": request.org_id,
        "created_by": _user(request.creator),
        "description": request.description,
        "created_at": _time(request.created_at),
        "entity": entity(request.qualified_name),
        "action": request.action.value,
        "latest_revision_number": request.latest,
    }


def _evaluation(evaluation: Evaluation) -> wire.ChangeRequestGateEvaluation:
    gates = [
        wire.ChangeGateEvaluation(
            one.gate.id,
            one.gate.name,
            one.is_satisfied,
            wire.ChangeGateRuleEvaluation(one.gate.rule.approvals_required, [_user(user) for user in one.approvers]),
        )
        for one in evaluation.gates
    ]
    return wire.ChangeRequestGateEvaluation(evaluation.is_satisfied, gates)


def _event(event: RequestEvent, request_id: str) -> wire.ChangeRequestEvent:
    shape = wire.ChangeRequestEvent(
        event_type=event.kind.value,
        id=event.id,
        change_request_id=request_id,
        revision_number=event.revision,
        created_by=_user(event.user),
        created_at=_time(event.created_at),
        replaced_by=event.replaced_by or UNSET,
        comment=event.comment or UNSET,
    )
    details = event.details
    if event.kind is EventKind.STATUS_CHANGED:
        shape.previous_status, shape.new_status = details["previousStatus"], details["newStatus"]
        shape.reason = details["reason"]
    if event.kind is EventKind.DESCRIPTION_UPDATED:
        shape.previous_description, shape.new_description = details["previousDescription"], details["newDescription"]
    return shape


def _user(person: Person) -> UserInfo:
    return UserInfo(person.name, person.login, person.avatar_url)


def _time(millis: int) -> str:
    return from_millis(millis).isoformat(timespec="milliseconds").replace("+00:00", "Z")
