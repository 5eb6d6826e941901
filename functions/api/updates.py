"""Updates and previews: create, start, both in one, cancel, status, events."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from msgspec import Raw

from common.core.errors import BadRequest
from common.stacks.engine.jsontext import shield_for
from common.stacks.model import Kind, Status
from common.stacks.updates import history, running, service
from common.stacks.updates.history import EventQuery, event_types
from common.stacks.updates.model import Program, Start, Started
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
from functions.http.shapes import ClientDep, extended_reply, stack_shape

router = APIRouter()
_STACK = "/api/stacks/{org}/{project}/{stack}"
_UPDATE = f"{_STACK}/{{kind}}/{{update_id}}"
# What the base may add to the reply, compressed; the smallest of our hosts carries 4.5 MB. The client exports a larger one
# separately, and that call can answer with a link into the store.
_WARNING_LIMIT = 1000
BASE_LIMIT_BYTES = 3 << 20


@router.post(f"{_STACK}/begin-update")
def begin_update(backend: BackendDep, caller: CallerDep, path: StackPathDep, client: ClientDep, body: ProgramBodyDep) -> Response:
    asked = body.decode(BeginUpdateRequest)
    started, base = service.begin_with_base(
        backend,
        caller,
        path,
        kind=_kind(asked.update_kind),
        program=_program(bytes(asked.program)),
        wanted=Start(asked.tags, asked.journal_version),
        client=client,
        limit_bytes=BASE_LIMIT_BYTES,
    )
    answer = BeginUpdateResponse(
        version=started.version,
        token=started.token,
        token_expiration=started.lease_expires_at // 1000,
        journal_version=started.journal_version,
        stack=stack_shape(backend, started.stack, tags=started.tags),
        update_id=started.update_id,
    )
    return _warned(extended_reply(answer, "deployment", base) if base is not None else reply(answer), started)


@router.post(f"{_STACK}/{{kind}}")
def create_update(backend: BackendDep, caller: CallerDep, path: StackPathDep, kind: str, body: ProgramBodyDep) -> Response:
    return reply(UpdateProgramResponse(service.create(backend, caller, path, _kind(kind), _program(body.text))))


@router.post(_UPDATE)
def start_update(
    backend: BackendDep,
    caller: CallerDep,
    path: StackPathDep,
    update_id: str,
    client: ClientDep,
    body: StackDocumentBodyDep,
) -> Response:
    asked = body.decode(StartUpdateRequest)
    started = service.start(backend, caller, path, update_id, wanted=Start(asked.tags, asked.journal_version), client=client)
    expires = started.lease_expires_at // 1000
    return _warned(reply(StartUpdateResponse(started.version, started.token, expires, started.journal_version)), started)


@router.get(_UPDATE)
def get_update_status(backend: BackendDep, caller: CallerDep, path: StackPathDep, update_id: str) -> Response:
    found = history.get_status(backend, caller, path, update_id)
    is_over = found.status in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)
    status = Status.RUNNING if found.status is Status.FINISHING else found.status
    return reply(UpdateResults(status, [], None if is_over else "0"))


@router.post(f"{_UPDATE}/cancel")
def cancel_update(backend: BackendDep, caller: CallerDep, path: StackPathDep, update_id: str) -> Response:
    service.cancel(backend, caller, path, update_id)
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
    events, following = history.page_events(backend, caller, path, update_id, query)
    return reply(GetUpdateEventsResponse([Raw(event) for event in events], str(following) if following is not None else None))


@router.post(f"{_UPDATE}/events")
def record_engine_event(backend: BackendDep, lease: LeaseDep, body: BatchBodyDep) -> Response:
    running.append_event(backend, lease, body.text)
    return reply(b"{}")


def _warned(response: Response, started: Started) -> Response:
    """Return a reply with what was wrong with the state that the update starts from, which clients show."""
    if started.stack.latest.damage:
        text = f"the last update left a damaged state: {started.stack.latest.damage}"
        response.headers["X-Pulumi-Warning"] = " ".join(text[:_WARNING_LIMIT].encode("ascii", "replace").decode().split())
    return response


def _kind(text: str) -> Kind:
    if text not in (Kind.UPDATE, Kind.PREVIEW, Kind.REFRESH, Kind.DESTROY, Kind.RESOURCE_IMPORT):
        msg = f"there is no kind of update called {text[:40]!a}"
        raise BadRequest(msg)
    return Kind(text)


def _program(text: bytes) -> Program:
    asked = decode(shield_for([text]).hide(text), UpdateProgramRequest)
    try:
        text.decode()
    except UnicodeDecodeError as error:
        msg = "the request body is not UTF-8"
        raise BadRequest(msg) from error
    return Program(text, dry_run=asked.options is not None and asked.options.dry_run)
