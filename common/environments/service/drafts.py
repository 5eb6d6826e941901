"""Use cases for drafts: changes of an environment that are proposed, and applied as change requests."""

import hashlib
from dataclasses import dataclass

from sqlalchemy import Connection

from common.approvals import steps as approvals
from common.approvals.model import Action, ChangeRequest
from common.approvals.steps import Proposal
from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.errors import BadRequest
from common.db.retry import retry
from common.environments import evaluation, gates, line_merge, opened, steps
from common.environments.change_target import EnvironmentKind
from common.environments.line_merge import Conflict, TooManyLines
from common.environments.model import Environment, EnvironmentPath
from common.environments.preparation import prepare
from common.rights.caller import Caller
from common.rights.permissions import Permission

_READ, _WRITE = Permission.ENVIRONMENT_READ, Permission.ENVIRONMENT_WRITE
_KIND = EnvironmentKind()


@dataclass(frozen=True, slots=True)
class Draft:
    """The text of a draft, with its secrets encrypted, and what identifies its revision."""

    text: bytes
    number: int
    etag: str


@dataclass(frozen=True, slots=True)
class DraftStatus:
    """The revision that a draft is based on, the newest one of its environment, and the number of the draft's own revision."""

    base: int
    latest: int
    number: int


@dataclass(frozen=True, slots=True)
class Rebased:
    """A draft after a rebase; with conflicts it is as it was."""

    request_id: str
    number: int
    conflicts: tuple[Conflict, ...]


def create(
    backend: Backend, caller: Caller, path: EnvironmentPath, text: bytes, precondition: str | None = None
) -> ChangeRequest:
    """Check a definition and keep it as a draft; a caller's draft of the same text, never submitted, is returned again.

    Conflict if the precondition, the entity tag of an environment's revision, does not hold; InvalidDefinition for errors.
    """
    environment = steps.get(backend, caller, path, _WRITE)
    steps.require_unchanged(environment, precondition)
    _, stored = prepare(backend, caller, environment, evaluation.unwrapped(text))
    name = environment.path.in_org
    proposal = Proposal(environment.org_id, gates.ENTITY_TYPE, name, environment.id, Action.UPDATE, stored, environment.latest)

    def record() -> ChangeRequest:
        with backend.db.begin() as tx:
            same = approvals.find_same_draft(tx, caller, proposal)
            if same is not None:
                return same
            # Each preview with another definition makes a draft of its stack's own environment, and no one closes them.
            if environment.managed_stack_id is not None:
                approvals.make_room(tx, backend, caller, environment.id)
            request = approvals.create(tx, backend, caller, proposal)
            description = f"Created change request {request.id}, a draft of environment {path}"
            audit.record(tx, backend, caller, request.org_id, Event.CHANGE_REQUEST_CREATED, description=description)
            return request

    return retry(record)


def get(backend: Backend, caller: Caller, path: EnvironmentPath, request_id: str, number: int | None = None) -> Draft:
    """Return the text of a draft as it is stored, of the latest revision unless a number is given."""
    environment = steps.get(backend, caller, path, _READ)
    with backend.db.connect() as connection:
        request = _get_request(connection, environment, request_id)
        revision = approvals.get_revision(connection, request, number)
    description = f"Read revision {revision.number} of change request {request.id}, a draft of environment {path}"
    audit.record_alone(backend, caller, environment.org_id, Event.ENVIRONMENT_READ, description=description)
    return Draft(revision.content, revision.number, etag_of(request.id, revision.number))


def update(  # noqa: PLR0917 - what the call says
    backend: Backend, caller: Caller, path: EnvironmentPath, request_id: str, text: bytes, precondition: str | None = None
) -> ChangeRequest:
    """Check a definition and make it the next revision of a draft.

    Conflict if the draft was applied or closed, or if the precondition, the entity tag of a draft's revision, does not hold.
    """
    environment = steps.get(backend, caller, path, _WRITE)
    with backend.db.connect() as connection:
        request = _get_request(connection, environment, request_id)
        base = approvals.get_revision(connection, request).base
    _require_unchanged(request, precondition)
    approvals.require_open(request)
    _, stored = prepare(backend, caller, environment, evaluation.unwrapped(text))
    return _add_revision(backend, caller, request, stored, base)


def open_draft(  # noqa: PLR0917 - what the call says
    backend: Backend,
    caller: Caller,
    path: EnvironmentPath,
    request_id: str,
    number: int | None = None,
    duration: str | None = None,
) -> str:
    """Open a draft as if it were the definition of its environment, and return the id of the session."""
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_OPEN)
    with backend.db.connect() as connection:
        request = _get_request(connection, environment, request_id)
        revision = approvals.get_revision(connection, request, number)
    subject = f"revision {revision.number} of change request {request.id}, a draft"
    event = Event.ENVIRONMENT_DRAFT_OPENED
    return opened.open_definition(backend, caller, environment, revision.content, duration, subject, event)


def get_status(backend: Backend, caller: Caller, path: EnvironmentPath, request_id: str) -> DraftStatus:
    """Return which revision of its environment a draft is based on, and which one is the newest."""
    environment = steps.get(backend, caller, path, _READ)
    with backend.db.connect() as connection:
        revision = approvals.get_revision(connection, _get_request(connection, environment, request_id))
    return DraftStatus(revision.base or 0, environment.latest, revision.number)


def rebase(backend: Backend, caller: Caller, path: EnvironmentPath, request_id: str) -> Rebased:
    """Merge what changed in the environment into a draft, by lines. With conflicts the draft stays as it is.

    InvalidDefinition if the merged definition has errors, BadRequest for texts that differ too much to be merged.
    """
    environment = steps.get(backend, caller, path, _WRITE)
    with backend.db.connect() as connection:
        request = _get_request(connection, environment, request_id)
        revision = approvals.get_revision(connection, request)
    approvals.require_open(request)
    if revision.base == environment.latest:
        return Rebased(request.id, revision.number, ())
    head = steps.require_revision(environment).definition
    older = steps.get(backend, caller, path, _READ, version=str(revision.base))
    base = steps.require_revision(older, str(revision.base)).definition
    try:
        merged = line_merge.merge(base, head, revision.content)
    except TooManyLines:
        raise BadRequest(
            f"the draft and environment {path.in_org} differ in too many lines to be merged; make a new draft"
        ) from None
    if merged.conflicts:
        return Rebased(request.id, revision.number, merged.conflicts)
    _, stored = prepare(backend, caller, environment, merged.text)
    updated = _add_revision(backend, caller, request, stored, environment.latest)
    return Rebased(updated.id, updated.latest, ())


def etag_of(request_id: str, number: int) -> str:
    """Return the entity tag of a revision of a request, which no other revision has."""
    return f'"{hashlib.sha256(f"{request_id}:{number}".encode()).hexdigest()[:32]}"'


def _add_revision(backend: Backend, caller: Caller, request: ChangeRequest, stored: bytes, base: int | None) -> ChangeRequest:
    def record() -> ChangeRequest:
        with backend.db.begin() as tx:
            updated = approvals.add_revision(tx, backend, caller, _KIND, request, stored, base)
            description = f"Saved revision {updated.latest} of change request {request.id}"
            audit.record(tx, backend, caller, request.org_id, Event.CHANGE_REQUEST_UPDATED, description=description)
            return updated

    return retry(record)


def _get_request(connection: Connection, environment: Environment, request_id: str) -> ChangeRequest:
    """Return the request of a draft of an environment; NotFound for any other."""
    request = approvals.get(connection, environment.org_id, request_id)
    if (request.target_id, request.action) != (environment.id, Action.UPDATE):
        raise approvals.missing(request_id)
    return request


def _require_unchanged(request: ChangeRequest, precondition: str | None) -> None:
    if precondition is None or precondition.strip() in ("", "*"):
        return
    if precondition.strip().removeprefix("W/").strip('"') != etag_of(request.id, request.latest).strip('"'):
        raise approvals.changed()
