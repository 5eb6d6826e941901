"""Use cases for open requests: leave to open an environment behind a gate for a limited time."""

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
from common.environments import gates, steps
from common.environments.change_target import EnvironmentKind, OpenTerms, content_of, terms_of
from common.environments.model import Environment, EnvironmentPath
from common.environments.repository import revisions
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission

_OPEN = Permission.ENVIRONMENT_OPEN
_KIND = EnvironmentKind()
LONGEST_SECONDS = 366 * 86_400
# As many as an evaluation loads.
_ENVIRONMENTS_LIMIT = 256


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A request to open one environment."""

    path: EnvironmentPath
    request: ChangeRequest


def create(backend: Backend, caller: Caller, path: EnvironmentPath, terms: OpenTerms) -> list[OpenRequest]:
    """Create a request for an environment, and for each environment that it imports, where opening needs an approval.

    BadRequest if none of them does.
    """
    environment = steps.get(backend, caller, path, _OPEN)
    _require_terms(terms)
    gated = _list_gated(backend, caller, environment)
    if not gated:
        raise BadRequest(f"neither environment {path.in_org} nor what it imports needs an approval to be opened")

    def record() -> list[OpenRequest]:
        with backend.db.begin() as tx:
            made = []
            for one in gated:
                name = one.path.in_org
                proposal = Proposal(one.org_id, gates.ENTITY_TYPE, name, one.id, Action.OPEN, content_of(terms), one.latest)
                made.append(OpenRequest(one.path, approvals.create(tx, backend, caller, proposal)))
            ids = ", ".join(f"{one.request.id} for {one.path.in_org}" for one in made)
            description = f"Created requests to open environments: {ids}"
            audit.record(tx, backend, caller, environment.org_id, Event.CHANGE_REQUEST_CREATED, description=description)
            return made

    return retry(record)


def get(backend: Backend, caller: Caller, path: EnvironmentPath, request_id: str, number: int | None = None) -> OpenTerms:
    """Return the terms of an open request, of the latest revision unless a number is given."""
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_READ)
    with backend.db.connect() as connection:
        request = _get_request(connection, environment, request_id)
        return terms_of(approvals.get_revision(connection, request, number))


def update(backend: Backend, caller: Caller, path: EnvironmentPath, request_id: str, terms: OpenTerms) -> ChangeRequest:
    """Change the terms of an open request; approvals of the former ones may no longer count.

    Forbidden for who neither made the request nor may write the environment.
    """
    environment = steps.get(backend, caller, path, _OPEN)
    _require_terms(terms)
    with backend.db.connect() as connection:
        request = _get_request(connection, environment, request_id)
    if request.creator.id != caller.user_id:
        steps.get(backend, caller, path, Permission.ENVIRONMENT_WRITE)

    def record() -> ChangeRequest:
        with backend.db.begin() as tx:
            updated = approvals.add_revision(tx, backend, caller, _KIND, request, content_of(terms), environment.latest)
            description = f"Saved revision {updated.latest} of change request {request.id}"
            audit.record(tx, backend, caller, request.org_id, Event.CHANGE_REQUEST_UPDATED, description=description)
            return updated

    return retry(record)


def _list_gated(backend: Backend, caller: Caller, environment: Environment) -> list[Environment]:
    """Return those behind an open gate among an environment and what it imports, which the caller may open but for the gate."""
    membership = caller.require_member(environment.path.org, missing=missing_org(environment.path.org))
    open_gates = gates.OpenGates(backend, caller, environment.org_id)
    seen, waiting, gated = {environment.id}, [environment], []
    while waiting and len(seen) <= _ENVIRONMENTS_LIMIT:
        current = waiting.pop(0)
        if open_gates.is_gated(current):
            gated.append(current)
        with backend.db.connect() as connection:
            number = current.revision.number if current.revision is not None else current.latest
            for reference in revisions.list_references(connection, current.id, number):
                imported, permissions = steps.find(connection, caller, membership, reference)
                if imported is not None and _OPEN in permissions and imported.id not in seen:
                    seen.add(imported.id)
                    waiting.append(imported)
    return gated


def _get_request(connection: Connection, environment: Environment, request_id: str) -> ChangeRequest:
    request = approvals.get(connection, environment.org_id, request_id)
    if (request.target_id, request.action) != (environment.id, Action.OPEN):
        raise approvals.missing(request_id)
    return request


def _require_terms(terms: OpenTerms) -> None:
    for seconds, noun in (
        (terms.grant_expiration_seconds, "grantExpirationSeconds"),
        (terms.access_duration_seconds, "accessDurationSeconds"),
    ):
        if not 1 <= seconds <= LONGEST_SECONDS:
            raise BadRequest(f"{noun} must be from 1 to {LONGEST_SECONDS:,}")
