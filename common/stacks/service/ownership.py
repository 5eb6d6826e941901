"""Use cases for the owner of a stack: the user who created it, or was made its owner. An owner administers the stack."""

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.errors import Conflict
from common.core.names import is_name
from common.db.retry import retry
from common.people.orgs.members.steps import not_a_member
from common.people.users.model import Person
from common.rights.caller import Caller
from common.rights.permissions import STACK_ADMIN, Permission
from common.stacks.model import Stack, StackPath
from common.stacks.repository import ownership
from common.stacks.steps import load_stack, load_with_membership, lock, require_may_grant


def get_owner(backend: Backend, caller: Caller, path: StackPath) -> tuple[Stack, Person]:
    """Return the stack and its owner."""
    with backend.db.connect() as connection:
        stack = load_stack(connection, caller, path, Permission.STACK_READ)
        return stack, ownership.find_person(connection, stack.created_by)


def update_owner(backend: Backend, caller: Caller, path: StackPath, login: str) -> Person:
    """Make a member of the organization the stack's owner, and return the former owner. NotFound for a login of no member."""

    def update() -> Person:
        with backend.db.begin() as tx:
            # Two of these calls wait for each other here. The second one checks again, as its caller may be the former owner.
            lock(tx, load_stack(tx, caller, path, Permission.STACK_ACCESS_UPDATE))
            stack, membership = load_with_membership(tx, caller, path, Permission.STACK_ACCESS_UPDATE)
            # An owner administers the stack.
            require_may_grant(caller, membership, stack, STACK_ADMIN)
            owner_id = ownership.find_member(tx, stack.org_id, login) if is_name(login) else None
            if owner_id is None:
                raise not_a_member(tx, path.org, login)
            former_owner = ownership.find_person(tx, stack.created_by)
            if not ownership.update_owner(tx, stack, owner_id):
                raise Conflict(f"stack '{path}' was changed by another request at the same time; try again")
            description = f"Made {login} the owner of stack {path}"
            audit.record(tx, backend, caller, stack.org_id, Event.STACK_ACCESS_CHANGED, description=description)
            return former_owner

    return retry(update)
