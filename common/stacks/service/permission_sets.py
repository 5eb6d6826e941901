"""Use cases for permission sets on one stack: list who has which, and change that of one user at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from common.access import grants
from common.audit import steps as audit
from common.audit.steps import Event
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
from common.stacks.repository import permission_sets, stacks
from common.stacks.repository.permission_sets import CustomSet, StackGrant
from common.stacks.steps import require_may_grant, require_on_stack

_LEVELS = {LEVEL_SETS[level].id: level for level in (StackLevel.READ, StackLevel.WRITE, StackLevel.ADMIN)}


@dataclass(frozen=True, slots=True)
class PermissionSet:
    """A permission set; only a built-in one has an `identifier`."""

    id: str
    name: str
    resource_type: str
    identifier: str = ""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A permission set that a user or, without `person`, a team has on a stack."""

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
    """Return the assignments on a stack and the sets that can be assigned there. NotFound if the stack is hidden."""
    membership = _require_member(caller, org, kind, stack_id)
    with backend.db.connect() as connection:
        stack = _load(connection, caller, membership, stack_id, Permission.STACK_ACCESS_READ)
        stack_grants = permission_sets.find_grants(connection, stack.id)
        custom_sets = permission_sets.find_custom_sets(connection, membership.org_id)
    built_in = [
        PermissionSet(record.id, record.name, record.resource_type, record.identifier)
        for record in BUILT_INS
        if record.purpose == SET and record.resource_type == STACK
    ]
    return [_to_assignment(grant) for grant in stack_grants], [*built_in, *map(_to_permission_set, custom_sets)]


def update_assignment(
    backend: Backend,
    caller: Caller,
    org: str,
    kind: EntityKind,
    stack_id: str,
    *,
    member: str,
    set_id: str | None,
) -> Assignment | None:
    """Assign a permission set on a stack to a member (id or login) in place of the one they had, or remove that (None)."""
    membership = _require_member(caller, org, kind, stack_id)

    def update() -> Assignment | None:
        with backend.db.begin() as tx:
            stack = _load(tx, caller, membership, stack_id, Permission.STACK_ACCESS_UPDATE)
            person = permission_sets.find_member(tx, membership.org_id, member)
            if person is None:
                raise not_a_member(tx, membership.login, member)
            if set_id is None:
                grants.delete(tx, stack.id, person.id)
                description = f"Removed the permission set of {person.login} on stack {stack.path}"
                audit.record(tx, backend, caller, stack.org_id, Event.STACK_ACCESS_REMOVED, description=description)
                return None
            level = _require_level(tx, caller, membership, stack, set_id)
            custom_id = set_id if level is StackLevel.NONE else None
            with _contention_if_duplicate():
                grants.replace(
                    tx,
                    stack.id,
                    person.id,
                    is_team=False,
                    level=level,
                    now=backend.clock.now(),
                    set_id=custom_id,
                )
            description = f"Assigned permission set {set_id[:100]} on stack {stack.path} to {person.login}"
            audit.record(tx, backend, caller, stack.org_id, Event.STACK_ACCESS_CHANGED, description=description)
            return _to_assignment(permission_sets.find_grants(tx, stack.id, person.id)[0])

    return retry(update)


def _require_level(tx: Connection, caller: Caller, membership: Membership, stack: Stack, set_id: str) -> StackLevel:
    """Return the level of a built-in set, NONE for a custom set. Forbidden if the caller may not grant it."""
    if set_id in _LEVELS:
        require_may_grant(caller, membership, stack, STACK_LEVELS[_LEVELS[set_id]])
        return _LEVELS[set_id]
    rules = permission_sets.lock_rules(tx, membership.org_id, set_id) if is_id(set_id) else None
    if rules is None:
        raise BadRequest(f"permission set {set_id[:100]!a} not found")
    require_may_grant(caller, membership, stack, all_permissions(parse(rules)))
    return StackLevel.NONE


@contextmanager
def _contention_if_duplicate() -> Iterator[None]:
    """Raise Contention when another request inserted this member's grant meanwhile, so that the use case runs again."""
    try:
        yield
    except Exception as error:
        if is_duplicate(error):
            raise Contention("another request changed this member's permissions at the same time; try again") from error
        raise


def _load(connection: Connection, caller: Caller, membership: Membership, stack_id: str, permission: Permission) -> Stack:
    """Return a stack by its id; the message for a missing one repeats that id and nothing else."""
    principals = caller.principals(membership)
    stack = stacks.find_by_id(connection, stack_id, principals) if is_id(stack_id) else None
    missing = _missing_text(EntityKind.STACK, stack_id)
    if stack is None or stack.org_id != membership.org_id:
        raise NotFound(missing)
    require_on_stack(caller, membership, stack, permission, missing=missing)
    return stack


def _to_assignment(grant: StackGrant) -> Assignment:
    if grant.set_id is not None:
        permission_set = PermissionSet(grant.set_id, grant.set_name, grant.set_resource_type)
    else:
        built_in = LEVEL_SETS[grant.level]
        permission_set = PermissionSet(built_in.id, built_in.name, built_in.resource_type, built_in.identifier)
    return Assignment(permission_set, grant.person, grant.team_name, grant.display_name)


def _to_permission_set(custom_set: CustomSet) -> PermissionSet:
    return PermissionSet(custom_set.id, custom_set.name, custom_set.resource_type)


def _require_member(caller: Caller, org: str, kind: EntityKind, entity_id: str) -> Membership:
    membership = caller.require_member(org, missing=missing_org(org))
    if kind is not EntityKind.STACK:
        # Nothing of the other kinds has an id in this release, so every id of them is unknown.
        raise NotFound(_missing_text(kind, entity_id))
    return membership


def _missing_text(kind: EntityKind, entity_id: str) -> str:
    return f"{kind} {entity_id[:100]!a} not found"
