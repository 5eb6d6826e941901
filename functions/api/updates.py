"""Updates and previews: create, start, both in one, cancel, status, events."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Response
from msgspec import Raw

from common.core.errors import BadRequest
from common.environments.service import managed_environments
from common.stacks.engine.jsontext import shield_for
from common.stacks.model import Kind, Status
from common.stacks.updates.model import Program, StartedUpdate, StartRequest
from common.stacks.updates.service import completion, events, history, progress
from common.stacks.updates.service import start as updates
from common.stacks.updates.service.events import EventQuery, event_types
from common.stacks.updates.used_environments import read_environments
from common.wire.updates import (
    BeginUpdateRequest,
    BeginUpdateResponse,
    GetUpdateEventsResponse,
    StartUpdateRequest,
    StartUpdateResponse,
    UpdateProgramRequest,
    UpdateProgramResponse,
    UpdateResults,
)
from functions.http.bodies import BatchBodyDep, decode
from functions.http.deps import BackendDep, CallerDep, LeaseDep, ProgramBodyDep, StackDocumentBodyDep, StackPathDep, empty, reply
from functions.http.shapes import ClientDep, extended_reply, policy_shape, stack_shape

router = APIRouter()
_STACK = "/api/stacks/{org}/{project}/{stack}"
_UPDATE = f"{_STACK}/{{kind}}/{{update_id}}"
_WARNING_LIMIT = 1000
# The largest base state in a reply, as gzip; the smallest limit of our hosts is 4.5 MB. The client exports a larger one
# separately, and that call can reply with a link into the store.
BASE_LIMIT_BYTES = 3 << 20


@router.post(f"{_STACK}/begin-update")
def begin_update(backend: BackendDep, caller: CallerDep, path: StackPathDep, client: ClientDep, body: ProgramBodyDep) -> Response:
    request = body.decode(BeginUpdateRequest)
    started, base = updates.begin_with_base(
        backend,
        caller,
        path,
        kind=_kind(request.update_kind),
        program=_program(bytes(request.program)),
        request=StartRequest(request.tags, request.journal_version),
        client=client,
        limit_bytes=BASE_LIMIT_BYTES,
        publish=partial(managed_environments.publish, backend, caller),
    )
    shape = BeginUpdateResponse(
        version=started.version,
        token=started.token,
        token_expiration=started.lease_expires_at // 1000,
        journal_version=started.journal_version,
        stack=stack_shape(backend, started.stack, tags=started.tags),
        update_id=started.update_id,
        required_policies=[policy_shape(policy) for policy in started.required_policies],
    )
    return _warned(extended_reply(shape, "deployment", base) if base is not None else reply(shape), started)


@router.post(f"{_STACK}/{{kind}}")
def create_update(backend: BackendDep, caller: CallerDep, path: StackPathDep, kind: str, body: ProgramBodyDep) -> Response:
    created = updates.create(backend, caller, path, _kind(kind), _program(body.text))
    return reply(UpdateProgramResponse(created.update_id, [policy_shape(policy) for policy in created.required_policies]))


@router.post(_UPDATE)
def start_update(
    backend: BackendDep,
    caller: CallerDep,
    path: StackPathDep,
    update_id: str,
    client: ClientDep,
    body: StackDocumentBodyDep,
) -> Response:
    shape = body.decode(StartUpdateRequest)
    request = StartRequest(shape.tags, shape.journal_version)
    publish = partial(managed_environments.publish, backend, caller)
    started = updates.start(backend, caller, path, update_id, request=request, client=client, publish=publish)
    expires = started.lease_expires_at // 1000
    return _warned(reply(StartUpdateResponse(started.version, started.token, expires, started.journal_version)), started)


@router.get(_UPDATE)
def get_update_status(backend: BackendDep, caller: CallerDep, path: StackPathDep, update_id: str) -> Response:
    status = history.get_status(backend, caller, path, update_id).status
    has_ended = status in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)
    return reply(UpdateResults(Status.RUNNING if status is Status.FINISHING else status, [], None if has_ended else "0"))


@router.post(f"{_UPDATE}/cancel")
def cancel_update(backend: BackendDep, caller: CallerDep, path: StackPathDep, update_id: str) -> Response:
    completion.cancel(backend, caller, path, update_id)
    return empty()


@router.get(f"{_UPDATE}/events")
def get_engine_events(
    backend: BackendDep,
    caller: CallerDep,
    path: StackPathDep,
    update_id: str,
    token: Annotated[int, Query(alias="continuationToken", ge=0, lt=1 << 63)] = 0,
    types: Annotated[list[str] | None, Query(alias="type")] = None,
    urns: Annotated[list[str] | None, Query(alias="urn")] = None,
) -> Response:
    query = EventQuery(token, event_types(types or ()), frozenset(urns or ()))
    texts, next_start = events.page_events(backend, caller, path, update_id, query)
    return reply(GetUpdateEventsResponse([Raw(text) for text in texts], str(next_start) if next_start is not None else None))


@router.post(f"{_UPDATE}/events")
def record_engine_event(backend: BackendDep, lease: LeaseDep, body: BatchBodyDep) -> Response:
    progress.append_event(backend, lease, body.text)
    return reply(b"{}")


def _warned(response: Response, started: StartedUpdate) -> Response:
    """Return a reply with a warning, which clients show, if the update starts from a damaged or broken state."""
    latest, text = started.stack.latest, ""
    if latest.damage:
        text = f"the last update left a damaged state: {latest.damage}"
    elif latest.integrity_error:
        good = f", and version {started.last_good} is the last good one" if started.last_good is not None else ""
        advice = f"`stackhold state repair {started.stack.path}` can mend it{good}"
        text = f"version {latest.version} of the stack breaks a rule of Pulumi: {advice}. {latest.integrity_error}"
    if text:
        response.headers["X-Pulumi-Warning"] = " ".join(text[:_WARNING_LIMIT].encode("ascii", "replace").decode().split())
    return response


def _kind(text: str) -> Kind:
    if text not in (Kind.UPDATE, Kind.PREVIEW, Kind.REFRESH, Kind.DESTROY, Kind.RESOURCE_IMPORT):
        raise BadRequest(f"there is no kind of update called {text[:40]!a}")
    return Kind(text)


def _program(text: bytes) -> Program:
    request = decode(shield_for([text]).hide(text), UpdateProgramRequest)
    environment = request.metadata.environment if request.metadata is not None else None
    environments = read_environments((environment or {}).get("stack.environments", ""))
    return Program(text, request.options is not None and request.options.dry_run, environments)
