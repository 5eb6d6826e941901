"""Bringing deleted stacks back, until their time is up (STACKHOLD_DELETED_STACK_DAYS). It takes a version like any change."""

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import NotFound
from common.core.ids import new_id
from common.core.names import require_stack_name
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission
from common.stacks import deleted
from common.stacks.model import Deleted, Kind, Stack, StackPath
from common.stacks.repository import versions
from common.stacks.state.version_lock import contents_of, retried, rewritten


def list_deleted(backend: Backend, caller: Caller, org: str) -> list[Deleted]:
    """Return the organization's stacks that were deleted last."""
    membership = caller.require(Permission.STACK_LIST_DELETED, org, missing=missing_org(org))
    with backend.db.connect() as connection:
        return deleted.newest(connection, membership)


def restore(backend: Backend, caller: Caller, org: str, stack_id: str, name: str) -> None:
    """Bring a deleted stack back with state, history, tags and secrets, under its name or another (empty keeps it).

    NotFound when the organization has no such stack to bring back, Conflict when the name is taken by now.
    """
    membership = caller.require(Permission.STACK_RESTORE_DELETED, org, missing=missing_org(org))
    if name:
        require_stack_name(name)

    def load() -> Stack:
        with backend.db.connect() as connection:
            found = deleted.find(connection, membership, stack_id)
        if found is None:
            raise NotFound(_gone(stack_id))
        return found

    retried(load(), lambda found: _restore(backend, caller, found, name or found.path.name), load)


def _restore(backend: Backend, caller: Caller, stack: Stack, name: str) -> None:
    target = StackPath(stack.path.org, stack.path.project, name)
    contents = contents_of(stack) if target == stack.path else rewritten(backend, stack, target)
    now_millis = unix_millis(backend.clock.now())
    with backend.db.begin() as tx:
        # The stack's row first, as the purge does: of the two, one waits for the other and then finds nothing to do.
        if not deleted.revive(tx, stack, target, now_millis):
            raise NotFound(_gone(stack.id))
        # Clients know no kind of its own for it; an import is what also brings a state back from elsewhere.
        versions.next_version(
            tx,
            stack,
            update_id=new_id(),
            kind=Kind.IMPORT,
            path=target,
            user_id=caller.user_id,
            contents=contents,
            now_millis=now_millis,
        )


def _gone(stack_id: str) -> str:
    return f"there is no deleted stack {stack_id[:80]!a}"
