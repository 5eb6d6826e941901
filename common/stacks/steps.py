"""Steps on stacks: they join their caller's transaction."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from common.access import grants
from common.backend import Backend
from common.core.errors import BadRequest, Forbidden, NotFound
from common.core.names import is_name
from common.db.faults import Contention, unless_taken
from common.people.teams import steps as team_steps
from common.people.teams.model import StackChange, Team
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership, StackScope
from common.rights.permissions import STACK_VISIBLE, Permission, StackLevel
from common.stacks.model import EnvironmentUse, Place, Stack, StackPath, UpdateMails
from common.stacks.repository import sharing, stacks, update_environments

PROJECT_TAG = "pulumi:project"
# A caller with either of them sees a stack in lists.
LISTABLE = frozenset({Permission.STACK_LIST, Permission.STACK_READ})
# The level of a team on a stack that is created for it.
CREATION_LEVEL = StackLevel.ADMIN
# An organization may have this many deleted stacks that can be restored for each live stack of its limit.
_DELETED_PER_LIVE_STACK = 10


def get_stack(
    backend: Backend,
    caller: Caller,
    path: StackPath,
    permission: Permission,
    *,
    former_names: bool = False,
) -> Stack:
    """Return the stack. NotFound if it does not exist or is hidden from the caller, Forbidden without the permission."""
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
    """Return the stack as get_stack does, within the caller's own connection or transaction."""
    return load_with_membership(connection, caller, path, permission, former_names=former_names)[0]


def load_with_membership(
    connection: Connection,
    caller: Caller,
    path: StackPath,
    permission: Permission,
    *,
    former_names: bool = False,
) -> tuple[Stack, Membership]:
    """Return the stack and the caller's membership in the organization that owns it; errors as in get_stack."""
    match = None
    # By a former name the present owner's members find a stack, also those who never were members of the former owner.
    if not former_names or caller.membership(path.org) is not None:
        match = _find(connection, caller, path)
    if match is None and former_names:
        match = _find_by_former_name(connection, caller, path)
    if match is None:
        raise NotFound(missing_text(path))
    stack, membership = match
    require_on_stack(caller, membership, stack, permission, missing=missing_text(path))
    return match


def require_on_stack(
    caller: Caller,
    membership: Membership,
    stack: Stack,
    permission: Permission,
    *,
    missing: str = "",
) -> None:
    """Raise Forbidden without a permission on the stack, NotFound if the stack is hidden from the caller.

    `missing` is the message then, for a caller who named the stack by its id or a former name: it must not tell the present one.
    """
    permissions = caller.permissions_on_stack(membership, stack.entity, stack.grants, created_by=stack.created_by)
    if not permissions & STACK_VISIBLE:
        raise NotFound(missing or missing_text(stack.path))
    if permission not in permissions:
        raise caller.refusal(permission, membership)


def require_may_grant(caller: Caller, membership: Membership, stack: Stack, permissions: frozenset[Permission]) -> None:
    """Raise Forbidden if the caller would grant permissions on a stack that they do not have there themselves."""
    own = (
        caller.permissions_on_stack(membership, stack.entity, stack.grants, created_by=stack.created_by)
        | membership.permissions()
    )
    # What the organization withholds from its members, the receiver does not get either.
    lacking = sorted(permissions - own - membership.withheld_permissions())
    if lacking:
        raise Forbidden(f"you can only grant permissions that you have on the stack yourself; you lack {', '.join(lacking[:5])}")


def has_permission(connection: Connection, caller: Caller, stack_id: str, permission: Permission) -> bool:
    """Tell whether a caller has a permission on a stack now, also while something else keeps them out."""
    principals = [principal for membership in caller.memberships for principal in caller.principals(membership)]
    stack = stacks.find_by_id(connection, stack_id, principals)
    return stack is not None and may_on_stack(caller, stack, permission)


def may_on_stack(caller: Caller, stack: Stack, permission: Permission) -> bool:
    """Tell whether the caller, who loaded the stack, has a permission on it."""
    membership = caller.membership(stack.path.org)
    if membership is None:
        return False
    return permission in caller.permissions_on_stack(membership, stack.entity, stack.grants, created_by=stack.created_by)


def visible_scopes(caller: Caller, organization: str | None) -> list[StackScope]:
    """Return which stacks the caller may list: in one organization, or in all of theirs."""
    return [caller.stack_scope(membership, LISTABLE) for membership in visible(caller, organization)]


def count_environment_uses(
    connection: Connection, org_id: str, environments: Collection[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """Return how many stacks of an organization were updated with each environment (project, name)."""
    return update_environments.count_uses(connection, org_id, environments)


def list_environment_uses(  # noqa: PLR0917 - what a listing is narrowed to
    connection: Connection,
    caller: Caller,
    org: str,
    environment: tuple[str, str],
    after: tuple[str, str, int, str],
    limit: int,
    *,
    newest_only: bool,
) -> list[EnvironmentUse]:
    """Return the stacks that were updated with an environment (project, name), among those that the caller may list."""
    project, name = environment
    scopes = visible_scopes(caller, org)
    return update_environments.list_uses(connection, scopes, project, name, after, limit, newest_only=newest_only)


def visible(caller: Caller, organization: str | None) -> list[Membership]:
    """Return the membership in one organization, NotFound without one, or all memberships that are open to the caller."""
    if organization is not None:
        return [caller.require_member(organization, missing=missing_org(organization))]
    return [membership for membership in caller.memberships if membership.is_open]


def update_tags(tx: Connection, stack: Stack, tags: dict[str, str]) -> None:
    """Replace the tags of a stack. Contention if it was deleted or renamed since it was read."""
    if not stacks.replace_tags(tx, stack.id, tags):
        raise _changed(stack)


def lock_tags(tx: Connection, stack: Stack) -> dict[str, str]:
    """Lock the stack and return its tags as they are now: changes of different tags wait for each other, and none fails."""
    tags = stacks.lock_tags(tx, stack.id)
    if tags is None:
        raise _changed(stack)
    return tags


def lock(tx: Connection, stack: Stack) -> Stack:
    """Lock the stack until the transaction ends and return it as it is now. Contention if it was deleted or renamed."""
    # No permission check in this and the next three steps: their use cases made it.
    current = stacks.find_by_id(tx, stack.id, ()) if stacks.lock(tx, stack.id) else None
    if current is None or current.path != stack.path:
        raise _changed(stack)
    return replace(current, grants=stack.grants)


def add(tx: Connection, stack: Stack, now_millis: int, mails: UpdateMails) -> None:
    """Insert a new stack with its tags. Conflict if a stack has that name."""
    with unless_taken(taken_text(stack.path)):
        stacks.add(tx, stack, now_millis, mails)


def rename(tx: Connection, stack: Stack, target: StackPath, now_millis: int) -> None:
    """Rename the stack within its organization, and change the tag that names its project. Conflict if the name is taken."""
    if target.project != stack.path.project:
        tags = lock_tags(tx, stack)
        if tags.get(PROJECT_TAG) == stack.path.project:
            update_tags(tx, stack, {**tags, PROJECT_TAG: target.project})
    with unless_taken(taken_text(target)):
        stacks.rename(tx, stack, Place(stack.org_id, target.project, target.name), now_millis)


def require_room(tx: Connection, backend: Backend, org_id: str, org: str) -> None:
    """Raise BadRequest if an organization has as many stacks as it may, before one is created in it or transferred to it."""
    limit = backend.settings.stacks_per_organization
    live, total = stacks.count_of_org(tx, org_id)
    if live >= limit:
        raise BadRequest(
            f"organization {org} has {live:,} stacks, which is the limit (STACKHOLD_STACKS_PER_ORGANIZATION); delete some first"
        )
    if total >= limit * _DELETED_PER_LIVE_STACK:
        raise BadRequest(
            f"organization {org} has {total:,} stacks with those deleted recently, which is over the limit"
            " (STACKHOLD_STACKS_PER_ORGANIZATION, STACKHOLD_DELETED_STACK_DAYS)"
        )


def grant_to_teams(tx: Connection, membership: Membership, stack_id: str, names: Collection[str], now: datetime) -> None:
    """Let teams administer a new stack. NotFound for a team that does not exist."""
    # No permission check: the user who creates a stack may share it.
    if names:
        ids = team_steps.lock_several(tx, membership, frozenset(names))
        grants.add_for_teams(tx, stack_id, ids, level=CREATION_LEVEL, now=now)


def update_team_level(tx: Connection, stack: Stack, team: Team, change: StackChange, *, now: datetime) -> None:
    """Set a team's level on a stack, or remove its grant. NotFound for a stack or a grant that does not exist."""
    if not sharing.lock(tx, stack.id, stack.org_id):
        raise NotFound(f"Stack '{stack.path}' not found")
    if change.level is not None:
        grants.replace(tx, stack.id, team.id, is_team=True, level=change.level, now=now)
    elif not grants.delete(tx, stack.id, team.id):
        raise NotFound(f"team {team.name} has no grant on stack '{stack.path}'")


def taken_text(path: StackPath) -> str:
    """Return the message for a name that another stack has."""
    return f"Stack '{path}' already exists"


def missing_text(path: StackPath) -> str:
    """Return the message for a stack that does not exist or is hidden."""
    return f"Stack '{ascii(str(path)[:320])[1:-1]}' not found"


def _find(connection: Connection, caller: Caller, path: StackPath) -> tuple[Stack, Membership] | None:
    membership = caller.require_member(path.org, missing=missing_text(path))
    if not (is_name(path.project) and is_name(path.name)):
        return None
    stack = stacks.find(connection, membership.org_id, path.project, path.name, caller.principals(membership))
    return (stack, membership) if stack is not None else None


def _find_by_former_name(connection: Connection, caller: Caller, path: StackPath) -> tuple[Stack, Membership] | None:
    """Return the stack with the caller's membership in the organization that owns it now; the former owner has no say."""
    if not all(map(is_name, (path.org, path.project, path.name))):
        return None
    match = stacks.find_by_former_name(connection, path)
    membership = caller.membership(match[1]) if match is not None else None
    if match is None or membership is None or not membership.is_open:
        return None
    stack = stacks.find_by_id(connection, match[0], caller.principals(membership))
    # It may move again between the two statements; then another organization decides.
    return (stack, membership) if stack is not None and stack.org_id == membership.org_id else None


def _changed(stack: Stack) -> Contention:
    return Contention(f"stack '{stack.path}' was deleted or renamed at the same time; try again")
