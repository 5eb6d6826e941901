"""Drafts of environments, and requests to open them: the parts of change requests that are about environments alone."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.approvals.model import ChangeRequest
from common.environments.change_target import OpenTerms
from common.environments.line_merge import Conflict
from common.environments.service import drafts, open_requests
from common.wire import change_requests as wire
from common.wire.environments import OpenEnvironmentResponse
from functions.api.environments.shapes import YAML, DefinitionBodyDep, EnvironmentPathDep, PreconditionDep
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, reply

router = APIRouter()
_E = "/api/esc/environments/{org}/{project}/{environment}"
_DRAFT = f"{_E}/drafts/{{change_request_id}}"
_OPEN_REQUEST = f"{_E}/open/request/{{change_request_id}}"
RevisionNumber = Annotated[int | None, Query(alias="revision")]


@router.post(f"{_E}/drafts")
def create_environment_draft(
    backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, precondition: PreconditionDep, body: DefinitionBodyDep
) -> Response:
    return reply(_ref(drafts.create(backend, caller, path, body.text, precondition)))


@router.get(_DRAFT)
def read_environment_draft(
    backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, change_request_id: str, revision: RevisionNumber = None
) -> Response:
    draft = drafts.get(backend, caller, path, change_request_id, revision)
    return Response(draft.text, headers={"ETag": draft.etag}, media_type=YAML)


@router.patch(_DRAFT)
def update_environment_draft(
    backend: BackendDep,
    caller: CallerDep,
    path: EnvironmentPathDep,
    change_request_id: str,
    precondition: PreconditionDep,
    body: DefinitionBodyDep,
) -> Response:
    return reply(_ref(drafts.update(backend, caller, path, change_request_id, body.text, precondition)))


@router.post(f"{_DRAFT}/open")
def open_environment_draft(
    backend: BackendDep,
    caller: CallerDep,
    path: EnvironmentPathDep,
    change_request_id: str,
    revision: RevisionNumber = None,
    duration: str | None = None,
) -> Response:
    return reply(OpenEnvironmentResponse(drafts.open_draft(backend, caller, path, change_request_id, revision, duration)))


@router.get(f"{_DRAFT}/status")
def get_environment_draft_status(
    backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, change_request_id: str
) -> Response:
    status = drafts.get_status(backend, caller, path, change_request_id)
    return reply(wire.EnvironmentDraftStatus(status.base, status.latest, status.number))


@router.post(f"{_DRAFT}/rebase")
def rebase_environment_draft(
    backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, change_request_id: str
) -> Response:
    rebased = drafts.rebase(backend, caller, path, change_request_id)
    conflicts = [_conflict(conflict) for conflict in rebased.conflicts]
    return reply(wire.EnvironmentDraftRebaseResponse(rebased.request_id, rebased.number, conflicts))


@router.post(f"{_E}/open/request")
def create_open_environment_request(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, body: BodyDep) -> Response:
    made = open_requests.create(backend, caller, path, _terms(body.decode(wire.CreateEnvironmentOpenRequest)))
    results = [
        wire.CreateEnvironmentOpenRequestResult(
            one.path.project,
            one.path.name,
            one.request.id,
            one.request.latest,
            drafts.etag_of(one.request.id, one.request.latest),
        )
        for one in made
    ]
    return reply(wire.CreateEnvironmentOpenRequestResponse(results))


@router.get(_OPEN_REQUEST)
def read_open_environment_request(
    backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, change_request_id: str, revision: RevisionNumber = None
) -> Response:
    terms = open_requests.get(backend, caller, path, change_request_id, revision)
    return reply(wire.CreateEnvironmentOpenRequest(terms.grant_expiration_seconds, terms.access_duration_seconds))


@router.put(_OPEN_REQUEST)
def update_open_environment_request(
    backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, change_request_id: str, body: BodyDep
) -> Response:
    terms = _terms(body.decode(wire.CreateEnvironmentOpenRequest))
    return reply(_ref(open_requests.update(backend, caller, path, change_request_id, terms)))


def _ref(request: ChangeRequest) -> wire.ChangeRequestRef:
    return wire.ChangeRequestRef(request.id, request.latest)


def _terms(body: wire.CreateEnvironmentOpenRequest) -> OpenTerms:
    return OpenTerms(body.grant_expiration_seconds, body.access_duration_seconds)


def _conflict(conflict: Conflict) -> wire.EnvironmentDraftConflict:
    """Return a conflict with lines from 1."""
    numbers = [number + 1 for part in (conflict.base, conflict.head, conflict.draft) for number in part]
    return wire.EnvironmentDraftConflict(*numbers)
