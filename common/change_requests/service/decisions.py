"""Use cases that change requests: submit, approve, unapprove, apply, close, comment, describe."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from common.approvals import access, decisions
from common.approvals import steps as approvals
from common.approvals.access import LoadedRequest
from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.change_requests.targets import KINDS
from common.config.public_urls import base_url
from common.db.retry import retry
from common.rights.caller import Caller

_Step = Callable[[Connection, LoadedRequest], str]


@dataclass(frozen=True, slots=True)
class Applied:
    """A request that was applied: the address of its target's page, and what was done."""

    url: str
    message: str


def submit(backend: Backend, caller: Caller, org: str, request_id: str, description: str | None = None) -> None:
    """Submit a draft for approval; BadRequest for a request that is not a draft."""

    def step(tx: Connection, loaded: LoadedRequest) -> str:
        return decisions.submit(tx, backend, caller, loaded, description)

    _run(backend, caller, org, request_id, Event.CHANGE_REQUEST_SUBMITTED, step)


def approve(  # noqa: PLR0917 - what the call says
    backend: Backend, caller: Caller, org: str, request_id: str, revision: int, comment: str = ""
) -> None:
    """Approve the latest revision of a submitted request; BadRequest for an older revision.

    Forbidden for tokens of machines and jobs, for an author where no gate allows it, and for who is not an approver.
    """

    def step(tx: Connection, loaded: LoadedRequest) -> str:
        return decisions.approve(tx, backend, caller, loaded, revision, comment)

    _run(backend, caller, org, request_id, Event.CHANGE_REQUEST_APPROVED, step)


def unapprove(backend: Backend, caller: Caller, org: str, request_id: str, comment: str = "") -> None:
    """Withdraw the caller's own approval; BadRequest without one, Conflict for a request that was applied or closed."""

    def step(tx: Connection, loaded: LoadedRequest) -> str:
        return decisions.unapprove(tx, backend, caller, loaded, comment)

    _run(backend, caller, org, request_id, Event.CHANGE_REQUEST_UNAPPROVED, step)


def close(backend: Backend, caller: Caller, org: str, request_id: str, comment: str = "") -> None:
    """Close a request for good: its author may, who may do what it proposes, and its approvers; Conflict if it has ended."""

    def step(tx: Connection, loaded: LoadedRequest) -> str:
        return decisions.close(tx, backend, caller, loaded, comment)

    _run(backend, caller, org, request_id, Event.CHANGE_REQUEST_CLOSED, step)


def add_comment(backend: Backend, caller: Caller, org: str, request_id: str, comment: str) -> None:
    """Add a comment to the log of a request."""

    def step(tx: Connection, loaded: LoadedRequest) -> str:
        return decisions.add_comment(tx, backend, caller, loaded, comment)

    _run(backend, caller, org, request_id, Event.CHANGE_REQUEST_COMMENTED, step)


def update_description(backend: Backend, caller: Caller, org: str, request_id: str, description: str) -> None:
    """Change the description of a request that is neither applied nor closed."""

    def step(tx: Connection, loaded: LoadedRequest) -> str:
        return decisions.update_description(tx, backend, caller, loaded, description)

    _run(backend, caller, org, request_id, Event.CHANGE_REQUEST_UPDATED, step)


def apply(backend: Backend, caller: Caller, org: str, request_id: str) -> Applied:
    """Do what a request proposes.

    Conflict unless it is submitted and has the approvals of all gates, or if the target has changed since the request was made.
    """

    def attempt() -> Applied:
        with backend.db.connect() as connection:
            loaded = access.load(connection, KINDS, caller, org, request_id)
            decisions.require_ready(connection, backend, caller, loaded)
            revision = approvals.get_revision(connection, loaded.request)
        change = loaded.kind.prepare(backend, caller, loaded.request, revision)
        with backend.db.begin() as tx:
            locked = access.load(tx, KINDS, caller, org, request_id, locks=True)
            decisions.require_ready(tx, backend, caller, locked)
            if locked.request.latest != revision.number:
                raise approvals.changed()
            message = change(tx)
            description = decisions.mark_applied(tx, backend, caller, locked, message)
            audit.record(tx, backend, caller, locked.request.org_id, Event.CHANGE_REQUEST_APPLIED, description=description)
        path = locked.kind.path(locked.membership.login, locked.request.qualified_name)
        return Applied(base_url(backend.settings) + path, message)

    return retry(attempt)


def _run(backend: Backend, caller: Caller, org: str, request_id: str, event: Event, step: _Step) -> None:  # noqa: PLR0917
    """Run a step on a request that is locked, and record what it says that it did."""

    def attempt() -> None:
        with backend.db.begin() as tx:
            loaded = access.load(tx, KINDS, caller, org, request_id, locks=True)
            description = step(tx, loaded)
            audit.record(tx, backend, caller, loaded.request.org_id, event, description=description)

    retry(attempt)
