"""Use cases of deleted stacks: list and restore them, and delete their rows after STACKHOLD_DELETED_STACK_DAYS.

Restoring takes a version number like any change of a stack.
"""

from datetime import timedelta

from common.access import grants
from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import NotFound
from common.core.ids import is_id, new_id
from common.core.names import require_stack_name
from common.crypto import owner_keys
from common.db.faults import unless_taken
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission
from common.stacks.managed_environments import Restore
from common.stacks.model import DeletedStack, Kind, Stack, StackPath
from common.stacks.repository import deleted, stack_references, update_environments, versions
from common.stacks.state.steps import latest_contents, retry_on_new_version, store_renamed
from common.stacks.steps import taken_text
from common.stacks.updates.repository import cleanup

LISTED_LIMIT = 25
UPDATES_PER_STEP = 200


def list_deleted(backend: Backend, caller: Caller, org: str) -> list[DeletedStack]:
    """Return the stacks of an organization that can be restored, the last deleted ones first."""
    membership = caller.require(Permission.STACK_LIST_DELETED, org, missing=missing_org(org))
    with backend.db.connect() as connection:
        return deleted.find_newest(connection, membership.org_id, LISTED_LIMIT)


def restore(backend: Backend, caller: Caller, org: str, stack_id: str, name: str, *, attach: Restore | None = None) -> None:
    """Restore a deleted stack with state, history, tags, secrets and grants, under its name or another (an empty text keeps it).

    Grants of users who have left, and of teams and permission sets that were deleted, stay away.

    `attach` restores the environment that belongs to it, in the same transaction. NotFound if the organization has no such
    deleted stack, Conflict if another stack has the name.
    """
    membership = caller.require(Permission.STACK_RESTORE_DELETED, org, missing=missing_org(org))
    if name:
        require_stack_name(name)

    def load() -> Stack:
        with backend.db.connect() as connection:
            stack = deleted.find(connection, membership.org_id, stack_id) if is_id(stack_id) else None
        if stack is None:
            raise NotFound(_missing_text(stack_id))
        return stack

    retry_on_new_version(load(), lambda stack: _restore(backend, caller, stack, name or stack.path.name, attach), load)


def purge_deleted(backend: Backend, *, updates_per_step: int = UPDATES_PER_STEP) -> int:
    """Delete one step's rows of a stack that was deleted long enough ago; return how many updates or stacks that was.

    A job deletes the blobs that these rows named.
    """
    # No permission check: the job acts for no caller, and no caller can name a deleted stack.
    before_millis = unix_millis(backend.clock.now() - timedelta(days=backend.settings.deleted_stack_days))
    with backend.db.begin() as tx:
        stack_id = deleted.find_expired(tx, before_millis)
        if stack_id is None or not deleted.begin_purge(tx, stack_id, before_millis):
            return 0
        update_ids = cleanup.find_of_stack(tx, stack_id, updates_per_step)
        if update_ids:
            cleanup.delete_updates(tx, update_ids)
            return len(update_ids)
        stack_references.replace(tx, stack_id, frozenset())
        update_environments.delete_of_stack(tx, stack_id)
        deleted.delete(tx, stack_id)
        owner_keys.delete_retired(tx, stack_id)
        return 1


def _restore(backend: Backend, caller: Caller, stack: Stack, name: str, attach: Restore | None) -> None:
    target = StackPath(stack.path.org, stack.path.project, name)
    contents = latest_contents(stack) if target == stack.path else store_renamed(backend, stack, target)
    now_millis = unix_millis(backend.clock.now())
    with backend.db.begin() as tx:
        # The stack's row first, as purge_deleted does: of the two, the second waits for the first and then finds nothing to do.
        kept_grants, deleted_at = deleted.find_grants(tx, stack.id)
        with unless_taken(taken_text(target)):
            if not deleted.restore(tx, stack, target.name, now_millis):
                raise NotFound(_missing_text(stack.id))
        # Clients know no kind for it; an import also brings a state back from elsewhere.
        versions.add_next_version(
            tx,
            stack,
            update_id=new_id(),
            kind=Kind.IMPORT,
            path=target,
            user_id=caller.user_id,
            contents=contents,
            now_millis=now_millis,
        )
        if stack.managed_environment is not None and attach is not None:
            attach(tx, stack, deleted_at)
        if kept_grants is not None:
            now = backend.clock.now()
            grants.restore(tx, stack.id, kept_grants, org_id=stack.org_id, deleted_at=deleted_at, now=now)
        audit.record(tx, backend, caller, stack.org_id, Event.STACK_CREATED, description=f"Restored stack {target}")


def _missing_text(stack_id: str) -> str:
    return f"there is no deleted stack {stack_id[:80]!a}"
