"""Steps that find and bring back deleted stacks; the use cases are in common/stacks/state/restore.py."""

from sqlalchemy import Connection

from common.core.ids import is_id
from common.db.faults import unless_taken
from common.rights.membership import Membership
from common.stacks.model import Deleted, Stack, StackPath
from common.stacks.repository import deleted as repository
from common.stacks.steps import taken

SHOWN = 25


def newest(connection: Connection, membership: Membership) -> list[Deleted]:
    """Return the stacks of an organization that were deleted last and can be brought back."""
    return repository.newest(connection, membership.org_id, SHOWN)


def find(connection: Connection, membership: Membership, stack_id: str) -> Stack | None:
    """Return a deleted stack of an organization with the version that deleted it, or None."""
    return repository.find(connection, membership.org_id, stack_id) if is_id(stack_id) else None


def revive(tx: Connection, stack: Stack, target: StackPath, now_millis: int) -> bool:
    """Bring a stack back under its name or another one; False when it is gone or back, Conflict when the name is taken."""
    with unless_taken(taken(target)):
        return repository.revive(tx, stack, target.name, now_millis)
