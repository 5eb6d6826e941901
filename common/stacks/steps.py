"""Steps on stacks: they join their caller's transaction."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from common.access import grants
from common.backend import Backend
from common.core.errors import BadRequest, NotBuilt, NotFound
from common.core.names import is_name
from common.db.faults import Contention, unless_taken
from common.people.teams import steps as team_steps
from common.people.teams.model import StackChange, Team
from common.rights.caller import Caller
from common.rights.membership import Membership, StackScope
from common.rights.permissions import STACK_VISIBLE, Permission, StackLevel
from common.stacks.model import Place, Stack, StackPath
from common.stacks.repository import sharing as repository
from common.stacks.repository import stacks

PROJECT_TAG = "pulumi:project"


# Whoever may do either sees a stack in lists.
LISTABLE = frozenset({Permission.STACK_LIST, Permission.STACK_READ})


# So many stacks that were deleted and can still be brought back are kept for each that may live.
_DELETED_FOR_EACH = 10


def get_stack(
    backend: Backend,
    caller: Caller,
    path: StackPath,
    permission: Permission,
    *,
    former_names: bool = False,
) -> Stack:
    """Return the stack; NotFound when there is none or the caller may not know of it, Forbidden when he may not do this."""
    with backend.db.connect() as connection:
        return load_stack(connection, caller, path, permission, former_names=former_names)


def load_stack(
    connection: Connection,
    caller: Caller,
    path: StackPath,
    permission: Permission,
    *,
    former_names: bool = False,
) -> Stack:
    """Return the stack within the caller's own connection or transaction; errors as in get_stack."""
    found = None
    # A stack that moved away is looked for by whoever may use it now, also by those who never belonged to its old place.
    if not former_names or caller.membership(path.org) is not None:
        found = _find(connection, caller, path)
    if found is None and former_names:
        found = _find_by_former_name(connection, caller, path)
    if found is None:
        raise NotFound(_missing(path))
    stack, membership = found
    require_on_stack(caller, membership, stack, permission, missing=_missing(path))
    return stack


def require_on_stack(
    caller: Caller,
    membership: Membership,
    stack: Stack,
    permission: Permission,
    *,
    missing: str = "",
) -> None:
    """Raise Forbidden without a permission on the stack, NotFound when the caller may not even know of it.

    `missing` is what is said then, if the caller asked by an id or a former name: the present one is not told.
    """
    held = caller.permissions_on_stack(membership, stack.entity, stack.grants, created_by=stack.created_by)
    if not held & STACK_VISIBLE:
        raise NotFound(missing or _missing(stack.path))
    if permission not in held:
        raise caller.refusal(permission, membership)


def still_holds(connection: Connection, caller: Caller, stack_id: str, permission: Permission) -> bool:
    """Tell whether a caller holds a permission on a stack as things are now, whatever else keeps them out at the moment."""
    principals = [principal for membership in caller.memberships for principal in caller.principals(membership)]
    stack = stacks.find_by_id(connection, stack_id, principals)
    return stack is not None and may_on_stack(caller, stack, permission)


def may_on_stack(caller: Caller, stack: Stack, permission: Permission) -> bool:
    """Tell whether the caller, who looked the stack up, holds a permission on it."""
    membership = caller.membership(stack.path.org)
    if membership is None:
        return False
    return permission in caller.permissions_on_stack(membership, stack.entity, stack.grants, created_by=stack.created_by)


def _find(connection: Connection, caller: Caller, path: StackPath) -> tuple[Stack, Membership] | None:
    membership = caller.require_member(path.org, missing=_missing(path))
    if not (is_name(path.project) and is_name(path.name)):
        return None
    stack = stacks.find(connection, membership.org_id, path.project, path.name, caller.principals(membership))
    return (stack, membership) if stack is not None else None


def _find_by_former_name(connection: Connection, caller: Caller, path: StackPath) -> tuple[Stack, Membership] | None:
    """Return the stack with the caller's place in the organization that owns it now: the old one decides nothing any more."""
    if not all(map(is_name, (path.org, path.project, path.name))):
        return None
    found = stacks.find_by_former_name(connection, path)
    membership = caller.membership(found[1]) if found is not None else None
    if found is None or membership is None or not membership.is_open:
        return None
    stack = stacks.find_by_id(connection, found[0], caller.principals(membership))
    # It may move on between the two statements: then it is somebody else's to decide.
    return (stack, membership) if stack is not None and stack.org_id == membership.org_id else None


def visible_scopes(caller: Caller, organization: str | None) -> list[StackScope]:
    """Return which stacks the caller may list: in an organization that he names, or in all of his."""
    return [caller.stack_scope(membership, LISTABLE) for membership in visible(caller, organization)]


def visible(caller: Caller, organization: str | None) -> list[Membership]:
    """Return the memberships whose stacks are listed: in one organization, NotFound if the caller is not in it, or in all."""
    if organization is not None:
        return [caller.require_member(organization, missing=f"Organization {organization[:100]!a} not found")]
    return [membership for membership in caller.memberships if membership.is_open]


def put_tags(tx: Connection, stack: Stack, tags: dict[str, str]) -> None:
    """Replace the tags of a stack, in the caller's transaction; Contention when the stack is gone since it was read."""
    if not stacks.replace_tags(tx, stack.id, tags):
        raise _gone(stack)


def lock_tags(tx: Connection, stack: Stack) -> dict[str, str]:
    """Lock the stack and return its tags as they are now: calls for different tags wait for each other, none is refused."""
    tags = stacks.lock_tags(tx, stack.id)
    if tags is None:
        raise _gone(stack)
    return tags


def lock(tx: Connection, stack: Stack) -> Stack:
    """Lock the stack until the transaction ends and return it as it is now; Contention when it is gone since it was read."""
    # No permission check in this and the next three steps: their use cases made it.
    found = stacks.find_by_id(tx, stack.id, ()) if stacks.lock(tx, stack.id) else None
    if found is None or found.path != stack.path:
        raise _gone(stack)
    return replace(found, grants=stack.grants)


def _gone(stack: Stack) -> Contention:
    return Contention(f"stack '{stack.path}' was deleted or renamed at the same time; try again")


def add(tx: Connection, stack: Stack, now_millis: int) -> None:
    """Insert a new stack with its tags, in the caller's transaction; Conflict when there is one of that name."""
    with unless_taken(taken(stack.path)):
        stacks.add(tx, stack, now_millis)


def rename(tx: Connection, stack: Stack, target: StackPath, now_millis: int) -> None:
    """Give the stack another name, remember the old one, and let the project's tag follow; Conflict when it is taken."""
    if target.project != stack.path.project:
        tags = lock_tags(tx, stack)
        if tags.get(PROJECT_TAG) == stack.path.project:
            put_tags(tx, stack, {**tags, PROJECT_TAG: target.project})
    with unless_taken(taken(target)):
        stacks.rename(tx, stack, Place(stack.org_id, target.project, target.name), now_millis)


def mark_deleted(tx: Connection, stack: Stack, now_millis: int) -> None:
    """Free the stack's name; its rows and states stay until the purge."""
    stacks.mark_deleted(tx, stack.id, now_millis)


def taken(path: StackPath) -> str:
    """Return what is said of a name that another stack has."""
    return f"Stack '{path}' already exists"


def require_room(tx: Connection, backend: Backend, org_id: str, org: str) -> None:
    """Raise BadRequest when an organization has as many stacks as it may: a step of creating and moving one."""
    limit = backend.settings.stacks_per_organization
    live, kept = stacks.count_of_org(tx, org_id)
    if live >= limit:
        raise BadRequest(
            f"organization {org} has {live:,} stacks, which is the limit (STACKHOLD_STACKS_PER_ORGANIZATION); delete some first"
        )
    if kept >= limit * _DELETED_FOR_EACH:
        raise BadRequest(
            f"organization {org} has {kept:,} stacks with those deleted recently, which is over the limit"
            " (STACKHOLD_STACKS_PER_ORGANIZATION, STACKHOLD_DELETED_STACK_DAYS)"
        )


def require_no_config(config: bytes | None) -> None:
    """Raise NotBuilt for a configuration that is to be kept in an environment: a stack would point to what cannot be there."""
    if config is not None:
        msg = (
            "environments are not part of this release (docs/compatibility.md), so a stack cannot keep its configuration in one;"
            " leave --remote-config out"
        )
        raise NotBuilt(msg)


def _missing(path: StackPath) -> str:
    return f"Stack '{ascii(str(path)[:320])[1:-1]}' not found"


# What a team gets on a stack that is created for it.
LEVEL_OF_CREATION = StackLevel.ADMIN


def give_to_teams(
    tx: Connection,
    membership: Membership,
    stack_id: str,
    names: Collection[str],
    now: datetime,
) -> None:
    """Give teams a new stack to administer: a step of the use case that creates it. NotFound for a team that is not there."""
    # No permission check: whoever creates a stack may share it.
    if names:
        ids = team_steps.lock_several(tx, membership, frozenset(names))
        grants.add_for_teams(tx, stack_id, ids, level=LEVEL_OF_CREATION, now=now)


def give_level(tx: Connection, stack: Stack, team: Team, change: StackChange, *, now: datetime) -> None:
    """Give a team a level on a stack, or take its grant away; NotFound for a stack or a grant that does not exist."""
    if not repository.hold(tx, stack.id, stack.org_id):
        msg = f"Stack '{stack.path}' not found"
        raise NotFound(msg)
    if change.level is not None:
        grants.replace(tx, stack.id, team.id, is_team=True, level=change.level, now=now)
    elif not grants.delete(tx, stack.id, team.id):
        msg = f"team {team.name} was given nothing on stack '{stack.path}'"
        raise NotFound(msg)
