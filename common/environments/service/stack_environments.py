"""Use cases for environments that hold the configuration of a stack (`pulumi stack init --remote-config`)."""

from sqlalchemy import Connection

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.errors import BadRequest
from common.environments import events, steps
from common.environments.events import EventName
from common.environments.model import EnvironmentPath, Reference, find_reference, require_names
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission
from common.stacks.managed_environments import Attach
from common.stacks.model import Stack


def require(backend: Backend, caller: Caller, org: str, name: str) -> None:
    """Raise NotFound for an environment that does not exist or is hidden, Forbidden for one that the caller may not read.

    BadRequest for a text that names no environment.
    """
    reference = _reference(name)
    path = EnvironmentPath(org, reference.project, reference.name)
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_READ, version=reference.version)
    steps.require_revision(environment, reference.version)


def prepare(backend: Backend, caller: Caller, org: str, name: str) -> Attach | None:
    """Return what creates the environment of a new stack in the stack's transaction; None if the caller can read it already.

    Forbidden for a caller who may not create environments, Conflict later for the name of one that they may not read.
    """
    membership = caller.require_member(org, missing=missing_org(org))
    reference = _reference(name)
    with backend.db.connect() as connection:
        environment, permissions = steps.find(connection, caller, membership, reference)
    if environment is not None and Permission.ENVIRONMENT_READ in permissions:
        steps.require_revision(environment, reference.version)
        return None
    caller.require(Permission.ENVIRONMENT_CREATE, org, missing=missing_org(org))
    require_names(reference.project, reference.name)
    path = EnvironmentPath(membership.login, reference.project, reference.name)
    new = steps.new_environment(backend, path, membership, caller.user_id)

    def create(tx: Connection, _stack: Stack) -> None:
        steps.add(tx, backend, new, b"", (), caller.user_id)
        audit.record(tx, backend, caller, new.org_id, Event.ENVIRONMENT_CREATED, description=f"Created environment {path}")
        events.queue(tx, backend, caller, new, EventName.CREATED)

    return create


def _reference(name: str) -> Reference:
    reference = find_reference(name)
    if reference is None:
        raise BadRequest(f"{name[:200]!a} is not the name of an environment; write it as project/name")
    return reference
