"""Teams are created, listed and deleted; members of an organization are removed, with their places in teams.

Reading and changing a team concerns stacks too, so those use cases are in the stacks area, which is above this one. Every
change of a team locks its row, so that nothing is added to one that is being deleted.
"""

from sqlalchemy import Connection

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.ids import new_id
from common.db.faults import unless_taken
from common.db.retry import retry
from common.people.orgs.members import steps as members
from common.people.teams import directory_groups, steps
from common.people.teams.model import (
    Member,
    Team,
    TeamDetails,
    TeamRole,
    TeamSummary,
    require_name,
    require_texts,
)
from common.people.teams.repository import team_list, teams
from common.people.teams.steps import KIND
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission

# A list for a role that shows single teams looks at this many of them.
_LIST_LIMIT = 10_000


def list_teams(backend: Backend, caller: Caller, org: str) -> list[Team]:
    """Return an organization's teams by name, with the caller's role in each; a custom role may show some of them only."""
    membership = caller.require_member(org, missing=missing_org(org))
    with backend.db.connect() as connection:
        rows = teams.find_all(connection, membership.org_id, caller.user_id)
    if Permission.TEAM_LIST in membership.permissions():
        return rows
    visible = [team for team in rows if Permission.TEAM_LIST in membership.permissions_on(steps.entity(team))]
    if not visible:
        raise caller.refusal(Permission.TEAM_LIST, membership)
    return visible


def search_teams(
    backend: Backend,
    caller: Caller,
    org: str,
    text: str,
    *,
    size: int,
    number: int,
) -> tuple[list[TeamSummary], int]:
    """Return a page of the teams that have a text in them, and how many have it; pages are numbered from 1.

    A custom role may show some teams only, as in list_teams.
    """
    membership = caller.require_member(org, missing=missing_org(org))
    offset = size * (number - 1)
    with backend.db.connect() as connection:
        if Permission.TEAM_LIST in membership.permissions():
            page = team_list.search(connection, membership.org_id, caller.user_id, text, limit=size, offset=offset)
            return page, team_list.count(connection, membership.org_id, text)
        rows = team_list.search(connection, membership.org_id, caller.user_id, text, limit=_LIST_LIMIT, offset=0)
    visible = [row for row in rows if steps.may(membership, row.team, Permission.TEAM_LIST)]
    if not visible and not text:
        raise caller.refusal(Permission.TEAM_LIST, membership)
    return visible[offset : offset + size], len(visible)


def create_team(
    backend: Backend,
    caller: Caller,
    org: str,
    name: str,
    *,
    display_name: str = "",
    description: str = "",
) -> TeamDetails:
    """Create a team, with the caller as its admin unless they are a machine; Conflict for a name that is taken."""
    membership = caller.require(Permission.TEAM_CREATE, org, missing=missing_org(org))
    require_name(name)
    require_texts(display_name, description)
    team = Team(new_id(), KIND, name, display_name, description)

    def create() -> TeamDetails:
        with backend.db.begin() as tx:
            now_millis = unix_millis(backend.clock.now())
            creator = steps.lock_creator(tx, caller, membership)
            with unless_taken(f"team {name!a} already exists in organization {membership.login}"):
                teams.add(tx, membership.org_id, team, now_millis)
            audit.record(tx, backend, caller, membership.org_id, Event.TEAM_CREATED, description=f"Made team {name}")
            if creator is None:
                return TeamDetails(team)
            teams.add_member(tx, membership.org_id, team.id, creator.id, TeamRole.ADMIN, now_millis=now_millis)
            return TeamDetails(team, members=(Member(creator, TeamRole.ADMIN),)).seen_by(caller.user_id)

    return retry(create)


def delete_team(backend: Backend, caller: Caller, org: str, name: str) -> None:
    """Delete a team with its roles and grants, and revoke its tokens at once; NotFound for an unknown team."""
    membership = caller.require_member(org, missing=missing_org(org))

    def delete() -> None:
        with backend.db.begin() as tx:
            team = steps.lock(tx, caller, membership, name, Permission.TEAM_DELETE)
            directory_groups.require_not_owned(tx, membership.org_id, team)
            if not steps.delete(tx, team.id, backend.clock.now()):
                raise steps.missing(name)
            audit.record(tx, backend, caller, membership.org_id, Event.TEAM_DELETED, description=f"Deleted team {name}")

    retry(delete)


def remove_member(backend: Backend, caller: Caller, org: str, login: str) -> None:
    """Remove a member from an organization, with their places in teams, their grants on stacks and their choice of default.

    Raises NotFound for a user who is not a member, BadRequest for the caller and for the last admin. The stacks that they
    created stay.
    """
    membership = members.require_shared(caller, Permission.ORG_MEMBER_DELETE, org)

    def remove(tx: Connection) -> None:
        steps.delete_member_access(tx, membership.org_id, members.remove(tx, caller, membership, login))
        audit.record(tx, backend, caller, membership.org_id, Event.MEMBER_REMOVED, description=f"Removed {login}")

    members.with_org_lock(backend, membership.org_id, remove)
