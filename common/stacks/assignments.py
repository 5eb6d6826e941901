"""Who holds which permission set on one stack: listed, and changed for one person at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from common.access import grants
from common.backend import Backend
from common.core.errors import BadRequest, NotFound
from common.core.ids import is_id
from common.db.faults import Contention, is_duplicate
from common.db.retry import retry
from common.people.orgs.members.steps import not_a_member
from common.people.users.model import Person
from common.rights.built_in import BUILT_INS, LEVEL_SETS, SET, STACK
from common.rights.caller import Caller, missing_org
from common.rights.descriptor import all_permissions
from common.rights.membership import Membership
from common.rights.permissions import STACK_LEVELS, Permission, StackLevel
from common.rights.predicate import EntityKind
from common.rights.rules import parse
from common.stacks.model import Stack
from common.stacks.repository import assignments, stacks
from common.stacks.repository.assignments import CustomSet, Held
from common.stacks.service import require_givable
from common.stacks.steps import require_on_stack

__all__ = ["Assignment", "PermissionSet", "list_assignments", "update_assignment"]
_LEVELS = {LEVEL_SETS[level].id: level for level in (StackLevel.READ, StackLevel.WRITE, StackLevel.ADMIN)}


@dataclass(frozen=True, slots=True)
class PermissionSet:
    """A permission set by name; `identifier` is set for built-in ones."""

    id: str
    name: str
    resource_type: str
    identifier: str = ""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A permission set in the hands of a person, or else of a team."""

    permission_set: PermissionSet
    person: Person | None
    team_name: str = ""
    team_display_name: str = ""


def list_assignments(
    backend: Backend,
    caller: Caller,
    org: str,
    kind: EntityKind,
    stack_id: str,
) -> tuple[list[Assignment], list[PermissionSet]]:
    """Return who holds what on a stack, and what can be given there; NotFound when the caller may not know the stack."""
    membership = _member(caller, org, kind, stack_id)
    with backend.db.connect() as connection:
        stack = _load(connection, caller, membership, stack_id, Permission.STACK_ACCESS_READ)
        held = assignments.find_held(connection, stack.id)
        custom = assignments.find_sets(connection, membership.org_id)
    built_in = [
        PermissionSet(found.id, found.name, found.resource_type, found.identifier)
        for found in BUILT_INS
        if found.purpose == SET and found.resource_type == STACK
    ]
    return [_to_assignment(found) for found in held], [*built_in, *(_custom(found) for found in custom)]


def update_assignment(
    backend: Backend,
    caller: Caller,
    org: str,
    kind: EntityKind,
    stack_id: str,
    *,
    named: str,
    set_id: str | None,
) -> Assignment | None:
    """Give a member, named by id or login, a permission set on a stack in place of what they had, or take it (None)."""
    membership = _member(caller, org, kind, stack_id)

    def change() -> Assignment | None:
        with backend.db.begin() as tx:
            stack = _load(tx, caller, membership, stack_id, Permission.STACK_ACCESS_UPDATE)
            person = assignments.find_member(tx, membership.org_id, named)
            if person is None:
                raise not_a_member(tx, membership.login, named)
            if set_id is None:
                grants.delete(tx, stack.id, person.id)
                return None
            level = _level(tx, caller, membership, stack, set_id)
            custom_id = set_id if level is StackLevel.NONE else None
            with _nobody_else():
                grants.replace(
                    tx,
                    stack.id,
                    person.id,
                    is_team=False,
                    level=level,
                    now=backend.clock.now(),
                    set_id=custom_id,
                )
            return _to_assignment(assignments.find_held(tx, stack.id, person.id)[0])

    return retry(change)


def _level(tx: Connection, caller: Caller, membership: Membership, stack: Stack, set_id: str) -> StackLevel:
    """Return the level that a built-in set stands for, NONE for a custom set; Forbidden for what the caller may not give."""
    if set_id in _LEVELS:
        require_givable(caller, membership, stack, STACK_LEVELS[_LEVELS[set_id]])
        return _LEVELS[set_id]
    rules = assignments.find_set_rules(tx, membership.org_id, set_id) if is_id(set_id) else None
    if rules is None:
        msg = f"permission set {set_id[:100]!a} not found"
        raise BadRequest(msg)
    require_givable(caller, membership, stack, all_permissions(parse(rules)))
    return StackLevel.NONE


@contextmanager
def _nobody_else() -> Iterator[None]:
    """Turn a grant that somebody else inserted meanwhile into Contention, so that the use case runs again."""
    try:
        yield
    except Exception as error:
        if is_duplicate(error):
            msg = "somebody else changed what this person holds on the stack at the same time; try again"
            raise Contention(msg) from error
        raise


def _load(connection: Connection, caller: Caller, membership: Membership, stack_id: str, permission: Permission) -> Stack:
    """Return a stack by id; the words for one that is missing name nothing but the id that was asked for."""
    principals = caller.principals(membership)
    found = stacks.find_by_id(connection, stack_id, principals) if is_id(stack_id) else None
    missing = _missing(EntityKind.STACK, stack_id)
    if found is None or found.org_id != membership.org_id:
        raise NotFound(missing)
    require_on_stack(caller, membership, found, permission, missing=missing)
    return found


def _to_assignment(held: Held) -> Assignment:
    if held.set_id is not None:
        given = PermissionSet(held.set_id, held.set_name, held.set_resource_type)
    else:
        found = LEVEL_SETS[held.level]
        given = PermissionSet(found.id, found.name, found.resource_type, found.identifier)
    return Assignment(given, held.person, held.team_name, held.display_name)


def _custom(found: CustomSet) -> PermissionSet:
    return PermissionSet(found.id, found.name, found.resource_type)


def _member(caller: Caller, org: str, kind: EntityKind, entity_id: str) -> Membership:
    membership = caller.require_member(org, missing=missing_org(org))
    if kind is not EntityKind.STACK:
        # Nothing of the other kinds is kept with an id yet, so there is none to hold anything on.
        raise NotFound(_missing(kind, entity_id))
    return membership


def _missing(kind: EntityKind, entity_id: str) -> str:
    return f"{kind} {entity_id[:100]!a} not found"
