"""Whom a stack belongs to: who created it, or was made its owner since. The owner administers the stack, whatever their role."""

from dataclasses import dataclass

from common.backend import Backend
from common.core.errors import Conflict
from common.core.names import is_name
from common.db.retry import retry
from common.people.orgs.members.steps import not_a_member
from common.people.users.model import Person
from common.rights.caller import Caller, missing_org
from common.rights.permissions import STACK_ADMIN, Permission
from common.stacks.model import Stack, StackPath
from common.stacks.repository import ownership as repository
from common.stacks.service import require_givable
from common.stacks.steps import load_stack, lock


@dataclass(frozen=True, slots=True)
class Owner:
    """A stack and the person it belongs to."""

    stack: Stack
    person: Person


def get_owner(backend: Backend, caller: Caller, path: StackPath) -> Owner:
    """Return the stack and the person it belongs to."""
    with backend.db.connect() as connection:
        stack = load_stack(connection, caller, path, Permission.STACK_READ)
        return Owner(stack, repository.find_person(connection, stack.created_by))


def reassign(backend: Backend, caller: Caller, path: StackPath, login: str) -> Person:
    """Make a member of the organization the stack's owner, and return the owner before; NotFound for anyone else."""

    def change() -> Person:
        with backend.db.begin() as tx:
            # One waits for the other here, and then looks whether they may still do this: an owner before may not.
            lock(tx, load_stack(tx, caller, path, Permission.STACK_ACCESS_UPDATE))
            stack = load_stack(tx, caller, path, Permission.STACK_ACCESS_UPDATE)
            # An owner administers the stack.
            require_givable(caller, caller.require_member(path.org, missing=missing_org(path.org)), stack, STACK_ADMIN)
            heir_id = repository.find_member(tx, stack.org_id, login) if is_name(login) else None
            if heir_id is None:
                raise not_a_member(tx, path.org, login)
            previous = repository.find_person(tx, stack.created_by)
            if not repository.set_owner(tx, stack, heir_id):
                msg = f"stack '{path}' was changed by somebody else at the same time; try again"
                raise Conflict(msg)
            return previous

    return retry(change)
