"""What teams and people were given on single stacks, seen and changed from both sides: the team's and the stack's.

Whoever gives or takes something needs the right to on that stack, whatever they may do to the team.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from common.access import grants
from common.backend import Backend
from common.core.errors import NotFound
from common.db.retry import retry
from common.people.teams import steps as team_steps
from common.people.teams.model import StackChange, Team, TeamChange, TeamDetails
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership
from common.rights.permissions import STACK_LEVELS, Permission, StackLevel
from common.stacks import steps
from common.stacks.model import StackPath
from common.stacks.repository import ownership
from common.stacks.repository import sharing as repository
from common.stacks.repository.sharing import Collaborator, TeamOnStack
from common.stacks.service import require_givable
from common.stacks.steps import LISTABLE, load_stack

__all__ = [
    "Collaborator",
    "Sharing",
    "TeamOnStack",
    "get_team",
    "list_collaborators",
    "list_teams",
    "remove_collaborator",
    "set_team_level",
    "update_team",
]


@dataclass(frozen=True, slots=True)
class Sharing:
    """The teams that were given something on a stack, and which of them are the caller's own."""

    teams: list[TeamOnStack]
    own_ids: frozenset[str]


def get_team(backend: Backend, caller: Caller, org: str, name: str) -> TeamDetails:
    """Return a team with its members, roles and what it was given; stacks that the caller may not know of are left out."""
    membership = caller.require_member(org, missing=missing_org(org))
    with backend.db.connect() as connection:
        found = team_steps.get_details(connection, caller, membership, name)
        scope = caller.stack_scope(membership, LISTABLE)
        if scope.is_everything or not found.stacks or found.team.id in membership.team_ids:
            return found
        visible = repository.find_visible(connection, scope, [grant.stack_id for grant in found.stacks])
    return replace(found, stacks=tuple(grant for grant in found.stacks if grant.stack_id in visible))


def update_team(backend: Backend, caller: Caller, org: str, name: str, change: TeamChange) -> None:
    """Change a team, all that is asked for or nothing.

    Raises BadRequest for texts and names that cannot be; NotFound for a person, a stack or a grant that is not there;
    Conflict for somebody who is in the team already; Forbidden for what the caller may not give.
    """
    membership = caller.require_member(org, missing=missing_org(org))

    def update() -> None:
        with backend.db.begin() as tx:
            team = team_steps.lock(tx, caller, membership, name, Permission.TEAM_UPDATE)
            team_steps.update(tx, backend, caller, membership, team, change)
            # As many as a request has members for, which is three.
            for one in change.stacks:
                _put(tx, caller, membership, team, one, now=backend.clock.now())

    retry(update)


def list_teams(backend: Backend, caller: Caller, path: StackPath) -> Sharing:
    """Return the teams that were given something on a stack."""
    with backend.db.connect() as connection:
        stack = load_stack(connection, caller, path, Permission.STACK_ACCESS_READ)
        found = repository.find_teams(connection, stack.id)
    membership = caller.require_member(path.org, missing=missing_org(path.org))
    return Sharing(found, frozenset(membership.team_ids))


def set_team_level(backend: Backend, caller: Caller, path: StackPath, name: str, level: StackLevel) -> None:
    """Give a team a level on a stack in place of the one before; NONE takes it away. NotFound for a team that is not there."""
    one = StackChange(path.project, path.name, level)

    def change() -> None:
        with backend.db.begin() as tx:
            # Before the team is looked for: who may not share the stack learns nothing about teams here.
            stack = load_stack(tx, caller, path, Permission.STACK_ACCESS_UPDATE)
            membership = caller.require_member(path.org, missing=missing_org(path.org))
            team = team_steps.lock_visible(tx, membership, name)
            require_givable(caller, membership, stack, STACK_LEVELS[level])
            steps.give_level(tx, stack, team, one, now=backend.clock.now())

    retry(change)


def list_collaborators(backend: Backend, caller: Caller, path: StackPath) -> tuple[list[Collaborator], str]:
    """Return the people who were given something on a stack, and the login of the person it belongs to, empty if they left."""
    with backend.db.connect() as connection:
        stack = load_stack(connection, caller, path, Permission.STACK_ACCESS_READ)
        found = repository.find_collaborators(connection, stack.id)
        return found, ownership.find_person(connection, stack.created_by).login


def remove_collaborator(backend: Backend, caller: Caller, path: StackPath, login: str) -> None:
    """Take away what a person was given on a stack; NotFound when that was nothing."""

    def remove() -> None:
        with backend.db.begin() as tx:
            stack = load_stack(tx, caller, path, Permission.STACK_ACCESS_UPDATE)
            user_id = repository.find_collaborator_id(tx, stack.id, login)
            if user_id is None or not grants.delete(tx, stack.id, user_id):
                msg = f"{login[:100]!a} was given nothing on stack '{stack.path}'"
                raise NotFound(msg)

    retry(remove)


def _put(
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
        require_givable(caller, membership, stack, STACK_LEVELS[change.level])
    steps.give_level(tx, stack, team, change, now=now)
