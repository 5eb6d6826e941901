"""Steps of a move to another organization: the use cases are in common/stacks/state/transfer.py, which checks who may do so."""

from sqlalchemy import Connection

from common.db.faults import unless_taken
from common.rights.caller import Caller
from common.rights.membership import Membership
from common.stacks.model import Place, Stack, StackPath
from common.stacks.repository import ownership, stacks, transfer
from common.stacks.steps import taken


def of_organization(connection: Connection, caller: Caller, source: Membership, limit: int) -> list[Stack]:
    """Return up to `limit` live stacks of an organization by name, whether the caller may see them or not."""
    return transfer.of_organization(connection, source.org_id, limit, caller.principals(source))


def names_in_both(connection: Connection, source: Membership, target: Membership, limit: int) -> list[StackPath]:
    """Return up to `limit` names that live stacks of both organizations have."""
    pairs = transfer.names_in_both(connection, source.org_id, target.org_id, limit)
    return [StackPath(target.login, project, name) for project, name in pairs]


def move(tx: Connection, stack: Stack, target: Membership, heir_id: str, now_millis: int) -> None:
    """Move the stack under its name, and remember the old place; Conflict when the name is taken there.

    It stays with its owner if they are a member there too. Otherwise it goes to `heir_id`, so that nobody's: an owner whom
    the organization does not know could be seen nowhere, and would administer the stack again on becoming a member later.
    """
    path = stack.path
    with unless_taken(taken(StackPath(target.login, path.project, path.name))):
        stacks.rename(tx, stack, Place(target.org_id, path.project, path.name), now_millis)
    ownership.pass_on(tx, stack.id, heir_id)
