"""Use cases for the grants of teams and users on single stacks, from the team's side and from the stack's.

Reading and changing a team is here, not in `people`: both need the stacks, which are above that folder. Each change of a grant
needs the permission on that stack, whatever the caller may do to the team.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from common.access import grants
from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.errors import NotFound
from common.db.retry import retry
from common.people.teams import steps as teams
from common.people.teams.model import StackChange, Team, TeamChange, TeamDetails
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership
from common.rights.permissions import STACK_LEVELS, Permission, StackLevel
from common.stacks.model import StackPath
from common.stacks.repository import member_stacks, ownership, sharing
from common.stacks.repository.member_stacks import MemberStack
from common.stacks.repository.sharing import Collaborator, MemberAccess, TeamGrant
from common.stacks.steps import LISTABLE, load_stack, load_with_membership, require_may_grant, update_team_level


@dataclass(frozen=True, slots=True)
class StackTeams:
    """The teams with a grant on a stack, and the ids of those that the caller belongs to."""

    teams: list[TeamGrant]
    own_ids: frozenset[str]


def get_team(backend: Backend, caller: Caller, org: str, name: str) -> TeamDetails:
    """Return a team with its members, roles and grants, without the grants on stacks that are hidden from the caller."""
    membership = caller.require_member(org, missing=missing_org(org))
    with backend.db.connect() as connection:
        details = teams.get_details(connection, caller, membership, name)
        scope = caller.stack_scope(membership, LISTABLE)
        if scope.is_everything or not details.stacks or details.team.id in membership.team_ids:
            return details
        visible = sharing.find_visible(connection, scope, [grant.stack_id for grant in details.stacks])
    return replace(details, stacks=tuple(grant for grant in details.stacks if grant.stack_id in visible))


def list_stacks_of_member(backend: Backend, caller: Caller, org: str, user_id: str, *, limit: int) -> list[MemberStack]:
    """Return stacks that a member owns or has a grant on, themselves or by a team, without those hidden from the caller."""
    membership = caller.require(Permission.ORG_MEMBER_READ, org, missing=missing_org(org))
    with backend.db.connect() as connection:
        return member_stacks.find_of_member(connection, caller.stack_scope(membership, LISTABLE), user_id, limit)


def update_team(backend: Backend, caller: Caller, org: str, name: str, change: TeamChange) -> None:
    """Change a team: everything that the request names, or nothing.

    BadRequest for invalid texts and names; NotFound for a user, stack or grant that does not exist; Conflict for a user who is in
    the team already; Forbidden for permissions that the caller may not grant.
    """
    membership = caller.require_member(org, missing=missing_org(org))

    def update() -> None:
        with backend.db.begin() as tx:
            team = teams.lock(tx, caller, membership, name, Permission.TEAM_UPDATE)
            teams.update(tx, backend, caller, membership, team, change)
            # A request has at most three of them.
            for stack_change in change.stacks:
                _update_grant(tx, caller, membership, team, stack_change, now=backend.clock.now())

    retry(update)


def list_teams(backend: Backend, caller: Caller, path: StackPath) -> StackTeams:
    """Return the teams that have a grant on a stack."""
    with backend.db.connect() as connection:
        stack, membership = load_with_membership(connection, caller, path, Permission.STACK_ACCESS_READ)
        return StackTeams(sharing.find_teams(connection, stack.id), frozenset(membership.team_ids))


def update_team_grant(backend: Backend, caller: Caller, path: StackPath, name: str, level: StackLevel) -> None:
    """Set a team's level on a stack; NONE removes its grant. NotFound for a team that does not exist or is hidden."""
    change = StackChange(path.project, path.name, level)

    def update() -> None:
        with backend.db.begin() as tx:
            # The stack is loaded before the team, so that a caller who may not share it learns nothing about teams here.
            stack, membership = load_with_membership(tx, caller, path, Permission.STACK_ACCESS_UPDATE)
            team = teams.lock_visible(tx, membership, name)
            require_may_grant(caller, membership, stack, STACK_LEVELS[level])
            update_team_level(tx, stack, team, change, now=backend.clock.now())
            description = f"Set team {team.name}'s level on stack {path} to {level.name.lower()}"
            audit.record(tx, backend, caller, stack.org_id, Event.STACK_ACCESS_CHANGED, description=description)

    retry(update)


def list_collaborators(backend: Backend, caller: Caller, path: StackPath) -> tuple[list[Collaborator], str]:
    """Return the users who have a grant on a stack, and the login of the stack's owner, empty if they left."""
    with backend.db.connect() as connection:
        stack = load_stack(connection, caller, path, Permission.STACK_ACCESS_READ)
        collaborators = sharing.find_collaborators(connection, stack.id)
        return collaborators, ownership.find_person(connection, stack.created_by).login


def get_member_access(backend: Backend, caller: Caller, path: StackPath, login: str) -> tuple[MemberAccess, StackLevel]:
    """Return where a member's permissions on a stack come from, and the level that the organization gives to members.

    NotFound for a login that is no member's.
    """
    with backend.db.connect() as connection:
        stack, membership = load_with_membership(connection, caller, path, Permission.STACK_ACCESS_READ)
        member = sharing.find_member(connection, stack.org_id, stack.id, login)
    if member is None:
        raise NotFound(f"{login[:100]!a} is not a member of organization '{path.org}'")
    return member, membership.settings.default_stack_permission


def remove_collaborator(backend: Backend, caller: Caller, path: StackPath, login: str) -> None:
    """Remove a user's grant on a stack. NotFound if they have none."""

    def remove() -> None:
        with backend.db.begin() as tx:
            stack = load_stack(tx, caller, path, Permission.STACK_ACCESS_UPDATE)
            user_id = sharing.find_collaborator_id(tx, stack.id, login)
            if user_id is None or not grants.delete(tx, stack.id, user_id):
                raise NotFound(f"{login[:100]!a} has no grant on stack '{stack.path}'")
            description = f"Removed {login}'s grant on stack {stack.path}"
            audit.record(tx, backend, caller, stack.org_id, Event.STACK_ACCESS_REMOVED, description=description)

    retry(remove)


def _update_grant(
    tx: Connection,
    caller: Caller,
    membership: Membership,
    team: Team,
    change: StackChange,
    *,
    now: datetime,
) -> None:
    path = StackPath(membership.login, change.project, change.name)
    stack = load_stack(tx, caller, path, Permission.STACK_ACCESS_UPDATE)
    if change.level is not None:
        require_may_grant(caller, membership, stack, STACK_LEVELS[change.level])
    update_team_level(tx, stack, team, change, now=now)
