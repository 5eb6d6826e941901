"""Use cases for the environment that belongs to a stack and holds its configuration (`pulumi stack new --esc-config`).

Its definition is kept in the stack's file. Where that differs from the newest revision, the client makes a draft of it. When a
real update starts, the draft that it was evaluated with becomes the next revision; a preview changes nothing. The environment is
deleted and restored with its stack. It keeps its name when the stack is renamed, since others may import it.
"""

from collections.abc import Callable

from sqlalchemy import Connection

from common.approvals import steps as approvals
from common.approvals.model import Action, ChangeRequest, Reason, Revision, Status
from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.errors import BadRequest
from common.core.names import first_free, require_project_name, require_stack_name
from common.db.faults import unless_taken
from common.environments import events, gates, removal, steps
from common.environments.change_target import EnvironmentKind
from common.environments.events import EventName
from common.environments.model import UNUSABLE, EnvironmentPath
from common.environments.repository import environments, listing
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission
from common.stacks.managed_environments import Attach, UsedDraft
from common.stacks.model import Stack

# The command line writes the same text into the stack's file (client: cmd/pulumi/stack/managed_env.go).
FIRST_DEFINITION = b"values:\n  pulumiConfig: {}\n"
# Leaves room for a number.
_NAME_LENGTH = 90


def prepare(backend: Backend, caller: Caller, org: str, project: str, stack: str) -> tuple[str, Attach]:
    """Return the name of the environment of a new stack, as `project/name`, and what creates it in the stack's transaction.

    It is called like the stack, with a number where another environment has that name. Forbidden for a caller who may not create
    environments.
    """
    membership = caller.require(Permission.ENVIRONMENT_CREATE, org, missing=missing_org(org))
    require_project_name(project)
    require_stack_name(stack)
    with backend.db.connect() as connection:

        def is_taken(name: str) -> bool:
            return name in UNUSABLE or environments.find(connection, membership.org_id, project, name, ()) is not None

        path = EnvironmentPath(membership.login, project, first_free(stack[:_NAME_LENGTH], is_taken))

    def create(tx: Connection, owner: Stack) -> None:
        new = steps.new_environment(backend, path, membership, caller.user_id, stack_id=owner.id)
        steps.add(tx, backend, new, FIRST_DEFINITION, (), caller.user_id)
        description = f"Created environment {path} of stack {owner.path}"
        audit.record(tx, backend, caller, new.org_id, Event.ENVIRONMENT_CREATED, description=description)
        events.queue(tx, backend, caller, new, EventName.CREATED)

    return path.in_org, create


def publish(backend: Backend, caller: Caller, stack: Stack, draft: UsedDraft) -> Callable[[Connection], None]:
    """Return what saves the draft that an update of a stack was evaluated with as the next revision of the stack's environment.

    BadRequest if the environment or the draft has changed since, or if changes need an approval; Forbidden for a caller who may
    not write the environment. A draft that was applied before is not applied again.
    """
    path = _path(stack)
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_WRITE)
    with backend.db.connect() as connection:
        request = approvals.get(connection, environment.org_id, draft.request_id)
        if environment.managed_stack_id != stack.id or (request.target_id, request.action) != (environment.id, Action.UPDATE):
            raise approvals.missing(draft.request_id)
        revision = approvals.get_revision(connection, request, draft.revision)
    _require_latest(request, revision)
    if request.status is Status.APPLIED:
        return _change_nothing
    approvals.require_open(request)
    if revision.base != environment.latest:
        raise BadRequest(
            f"environment {path.in_org} has changed since revision {revision.base}, which this update was compared with:"
            f" bring what revision {environment.latest} changes into the stack's file (pulumi env get {path} --definition),"
            " and run the update again"
        )
    save = EnvironmentKind().prepare(backend, caller, request, revision)

    def apply(tx: Connection) -> None:
        gates.require_no_update_gate(tx, environment.org_id, path)
        locked: ChangeRequest = approvals.lock(tx, request.org_id, request.id)
        approvals.require_open(locked)
        _require_latest(locked, revision)
        save(tx)
        applied = approvals.update_status(tx, backend, caller, locked, Status.APPLIED, Reason.APPLIED)
        description = f"Applied change request {request.id}: an update of stack {stack.path} was started with it"
        audit.record(tx, backend, caller, request.org_id, Event.CHANGE_REQUEST_APPLIED, description=description)
        approvals.notify(tx, backend, caller, applied, "applied")

    return apply


def delete(backend: Backend, caller: Caller, tx: Connection, stack: Stack) -> None:
    """Delete the environment of a stack that is deleted, if it still exists; Conflict if it is protected."""
    # No permission check here and in restore: the environment belongs to the stack, and the use case of the stack made it.
    path = _path(stack)
    environment = environments.find(tx, stack.org_id, path.project, path.name, ())
    if environment is not None and environment.managed_stack_id == stack.id:
        removal.delete(tx, backend, caller, environment)


def restore(backend: Backend, caller: Caller, tx: Connection, stack: Stack, deleted_at: int) -> None:
    """Restore the environment that was deleted with a stack, if it can be; Conflict if another one has its name by now.

    An environment that was deleted before its stack stays deleted.
    """
    path = _path(stack)
    environment_id = listing.find_deleted_of_stack(tx, stack.id, deleted_at)
    if environment_id is None:
        return
    if listing.has_later_deleted(tx, environment_id):
        gates.require_no_update_gate(tx, stack.org_id, path)
    with unless_taken(f"environment {path.in_org} already exists, and the stack has one of that name"):
        listing.restore(tx, environment_id)
    description = f"Restored environment {path} of stack {stack.path}"
    audit.record(tx, backend, caller, stack.org_id, Event.ENVIRONMENT_RESTORED, description=description)


def _require_latest(request: ChangeRequest, revision: Revision) -> None:
    if revision.number != request.latest:
        raise BadRequest(
            f"change request {request.id} is at revision {request.latest}, and this update was evaluated with revision"
            f" {revision.number} of it: run the update again, or bring what has changed into the stack's file first"
        )


def _path(stack: Stack) -> EnvironmentPath:
    project, _, name = (stack.managed_environment or "").partition("/")
    return EnvironmentPath(stack.path.org, project, name)


def _change_nothing(_tx: Connection) -> None:
    """Change nothing: the draft was applied before."""
