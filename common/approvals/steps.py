"""Steps of approvals: gates on a target, and what happens to change requests. They join their caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from common.approvals import events
from common.approvals.evaluation import evaluate
from common.approvals.model import (
    ENDED,
    EVENTS_LIMIT,
    OPEN_REQUESTS_LIMIT,
    SUBMITTED,
    Action,
    ChangeRequest,
    EventKind,
    Gate,
    Reason,
    RequestEvent,
    Revision,
    Status,
)
from common.approvals.repository import events as event_rows
from common.approvals.repository import gates, requests
from common.approvals.targets import TargetKind
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BackendError, BadRequest, Conflict, NotFound
from common.core.ids import is_id, new_id
from common.outbox import steps as outbox
from common.people.users.model import Person
from common.rights.caller import Caller

_LARGEST_NUMBER = (1 << 31) - 1
_NOUNS = {
    EventKind.COMMENTED: "comments",
    EventKind.APPROVED: "approvals",
    EventKind.DESCRIPTION_UPDATED: "changes of its description",
    EventKind.REVISION_ADDED: "revisions",
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """A request to create, with its first revision: `base` is the revision of the target that it was made for."""

    org_id: str
    entity_type: str
    qualified_name: str
    target_id: str
    action: Action
    content: bytes
    base: int | None = None


def list_gates(
    connection: Connection, org_id: str, entity_type: str, action: Action, qualified_name: str | None = None
) -> list[Gate]:
    """Return the enabled gates for an action on one target, or on all targets of a type."""
    # No permission check in this module: the use case made it.
    return gates.list_enabled(connection, org_id, entity_type, action, qualified_name)


def create(tx: Connection, backend: Backend, caller: Caller, proposal: Proposal) -> ChangeRequest:
    """Create a request with its first revision, as a draft; BadRequest if its target has too many open ones."""
    if requests.count_open(tx, proposal.target_id) >= OPEN_REQUESTS_LIMIT:
        raise BadRequest(
            f"{proposal.entity_type} {proposal.qualified_name} has {OPEN_REQUESTS_LIMIT} open change requests, which is the"
            " limit; apply or close some first"
        )
    request = ChangeRequest(
        id=new_id(),
        org_id=proposal.org_id,
        entity_type=proposal.entity_type,
        qualified_name=proposal.qualified_name,
        target_id=proposal.target_id,
        action=proposal.action,
        status=Status.DRAFT,
        description="",
        latest=0,
        creator=person_of(caller),
        created_at=unix_millis(backend.clock.now()),
    )
    requests.add(tx, request)
    requests.add_revision(tx, request.id, Revision(0, proposal.base, proposal.content, caller.user_id), request.created_at)
    _record_status(tx, backend, caller, request, previous="", reason=Reason.CREATED)
    notify(tx, backend, caller, request, "created")
    return request


def make_room(tx: Connection, backend: Backend, caller: Caller, target_id: str) -> None:
    """Close the oldest draft of a target that was never submitted, if the target has as many open requests as it may."""
    if requests.count_open(tx, target_id) >= OPEN_REQUESTS_LIMIT:
        oldest = requests.lock_oldest_draft(tx, target_id)
        if oldest is not None:
            update_status(tx, backend, caller, oldest, Status.CLOSED, Reason.CLOSED)
            notify(tx, backend, caller, oldest, "closed")


def find_same_draft(connection: Connection, caller: Caller, proposal: Proposal) -> ChangeRequest | None:
    """Return a draft of the caller that proposes the same and was not submitted, or None."""
    first = Revision(0, proposal.base, proposal.content, caller.user_id)
    return requests.find_same_draft(connection, proposal.target_id, proposal.action, first)


def find_active(connection: Connection, target_id: str, action: Action) -> ChangeRequest | None:
    """Return the newest request for an action on a target that is neither applied nor closed, or None."""
    newest = requests.list_open(connection, target_id, action, 1)
    return newest[0] if newest else None


def get(connection: Connection, org_id: str, request_id: str) -> ChangeRequest:
    """Return a request of an organization; NotFound if it does not exist."""
    request = requests.find(connection, org_id, request_id) if is_id(request_id) else None
    if request is None:
        raise missing(request_id)
    return request


def find_with_revision(
    connection: Connection, caller: Caller, org_id: str, request_id: str
) -> tuple[ChangeRequest, Revision, bool] | None:
    """Return a request of an organization, its latest revision, and whether the caller made one of its revisions; or None."""
    return requests.find_with_revision(connection, org_id, request_id, caller.user_id) if is_id(request_id) else None


def lock(tx: Connection, org_id: str, request_id: str) -> ChangeRequest:
    """Lock a request until the transaction ends, and return it as it is now; NotFound if it does not exist."""
    request = requests.lock(tx, org_id, request_id) if is_id(request_id) else None
    if request is None:
        raise missing(request_id)
    return request


def get_revision(connection: Connection, request: ChangeRequest, number: int | None = None) -> Revision:
    """Return a revision of a request, the latest without a number; NotFound if it does not exist."""
    wanted = request.latest if number is None else number
    revision = requests.find_revision(connection, request.id, wanted) if 0 <= wanted <= _LARGEST_NUMBER else None
    if revision is None:
        raise NotFound(f"revision {wanted} of change request {request.id} not found")
    return revision


def add_revision(  # noqa: PLR0917 - what a revision consists of
    tx: Connection, backend: Backend, caller: Caller, kind: TargetKind, request: ChangeRequest, content: bytes, base: int | None
) -> ChangeRequest:
    """Add a revision to a request that was read, and return the request; approvals of the former one may no longer count.

    Conflict if there is another revision by now, or the request was applied or closed.
    """
    locked = lock(tx, request.org_id, request.id)
    require_open(locked)
    require_room(tx, locked, EventKind.REVISION_ADDED)
    now_millis = unix_millis(backend.clock.now())
    if not requests.update_latest(tx, request, now_millis):
        raise changed()
    updated = replace(locked, latest=request.latest + 1)
    requests.add_revision(tx, request.id, Revision(updated.latest, base, content, caller.user_id), now_millis)
    record(tx, backend, caller, updated, EventKind.REVISION_ADDED)
    updated = refresh_status(tx, backend, caller, kind, updated)
    notify(tx, backend, caller, updated, "updated")
    return updated


def refresh_status(tx: Connection, backend: Backend, caller: Caller, kind: TargetKind, request: ChangeRequest) -> ChangeRequest:
    """Make a submitted request ready or pending, as its gates are satisfied now, and return it."""
    status = evaluate(tx, backend, kind, request).status(request.status) if request.status in SUBMITTED else request.status
    return request if status is request.status else update_status(tx, backend, caller, request, status, Reason.EVALUATED)


def update_status(  # noqa: PLR0917 - what the log says
    tx: Connection,
    backend: Backend,
    caller: Caller,
    request: ChangeRequest,
    status: Status,
    reason: Reason,
    *,
    comment: str = "",
) -> ChangeRequest:
    """Change the status of a request that is locked, and return the request."""
    if not requests.update_status(tx, request, status, unix_millis(backend.clock.now())):
        raise changed()
    updated = replace(request, status=status)
    _record_status(tx, backend, caller, updated, previous=request.status.value, reason=reason, comment=comment)
    return updated


def record(  # noqa: PLR0917 - what an event consists of
    tx: Connection,
    backend: Backend,
    caller: Caller,
    request: ChangeRequest,
    kind: EventKind,
    comment: str = "",
    details: dict[str, str] | None = None,
) -> RequestEvent:
    """Add an event to the log of a request that is locked."""
    now_millis = unix_millis(backend.clock.now())
    event = RequestEvent(new_id(), 0, kind, request.latest, person_of(caller), comment, details or {}, None, now_millis)
    event_rows.add(tx, request.id, event)
    return event


def require_room(connection: Connection, request: ChangeRequest, kind: EventKind) -> None:
    """Raise BadRequest if a request has as many events of a kind as it may have."""
    if event_rows.count(connection, request.id, kind) >= EVENTS_LIMIT:
        noun = _NOUNS.get(kind, "events")
        raise BadRequest(f"change request {request.id} has {EVENTS_LIMIT:,} {noun}, which is the limit; make a new request")


def notify(tx: Connection, backend: Backend, caller: Caller, request: ChangeRequest, change: str) -> None:
    """Queue the event for webhooks that something happened to a request."""
    outbox.queue(tx, backend, [events.message(request, change, caller.user_id)])


def require_open(request: ChangeRequest) -> None:
    """Raise Conflict for a request that was applied or closed."""
    if request.status in ENDED:
        raise Conflict(f"change request {request.id} is {request.status}")


def delete_of_targets(tx: Connection, target_ids: Sequence[str]) -> None:
    """Delete all requests for targets that no longer exist."""
    request_ids = requests.list_of_targets(tx, target_ids)
    if request_ids:
        requests.delete_all(tx, request_ids)


def person_of(caller: Caller) -> Person:
    """Return a caller as requests show them."""
    return Person(caller.user_id, caller.login, caller.name, caller.email, caller.avatar_url)


def missing(request_id: str) -> NotFound:
    """Return the error for a request that does not exist, or that the caller may not know of."""
    return NotFound(f"change request {request_id[:100]!a} not found")


def changed() -> BackendError:
    """Return the error for a write that was made of an older revision."""
    return Conflict("the change request has changed since it was read")


def _record_status(
    tx: Connection,
    backend: Backend,
    caller: Caller,
    request: ChangeRequest,
    *,
    previous: str,
    reason: Reason,
    comment: str = "",
) -> None:
    details = {"previousStatus": previous, "newStatus": request.status.value, "reason": reason.value}
    record(tx, backend, caller, request, EventKind.STATUS_CHANGED, comment, details)
