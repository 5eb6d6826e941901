"""The users and teams that gates name."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from common.approvals.model import ApproverKind, Gate
from common.db.tables.people import members, teams, users
from common.people.users.model import Person


@dataclass(frozen=True, slots=True)
class NamedTeam:
    """A team as gates show it."""

    name: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Approvers:
    """Users and teams by their ids; one that no longer exists is missing."""

    users: dict[str, Person]
    teams: dict[str, NamedTeam]


def find_all(connection: Connection, org_id: str, gates: Iterable[Gate]) -> Approvers:
    """Return the users and teams that gates name; at most two statements."""
    named = [approver for gate in gates for approver in gate.rule.approvers]
    user_ids = {approver.value for approver in named if approver.kind is ApproverKind.USER}
    team_ids = {approver.value for approver in named if approver.kind is ApproverKind.TEAM}
    found_users: dict[str, Person] = {}
    if user_ids:
        query = select(users.c.id, users.c.login, users.c.name, users.c.email, users.c.avatar_url)
        found_users = {row.id: Person(*row) for row in connection.execute(query.where(users.c.id.in_(sorted(user_ids))))}
    found_teams: dict[str, NamedTeam] = {}
    if team_ids:
        rows = connection.execute(select(teams).where(teams.c.org_id == org_id, teams.c.id.in_(sorted(team_ids))))
        found_teams = {row.id: NamedTeam(row.name, row.display_name) for row in rows}
    return Approvers(found_users, found_teams)


def find_member_id(connection: Connection, org_id: str, login: str) -> str | None:
    """Return the id of a member by login, or None."""
    query = select(users.c.id).join(members, members.c.user_id == users.c.id)
    user_id: str | None = connection.scalar(query.where(members.c.org_id == org_id, users.c.login == login))
    return user_id


def find_team_id(connection: Connection, org_id: str, name: str) -> str | None:
    """Return the id of a team by name, or None."""
    team_id: str | None = connection.scalar(select(teams.c.id).where(teams.c.org_id == org_id, teams.c.name == name))
    return team_id
