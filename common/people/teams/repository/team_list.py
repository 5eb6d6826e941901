"""Teams in a list that is searched, with how many members each has, a page at a time."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from common.db.tables.people import team_members, teams
from common.db.text import contains
from common.people.teams.model import Team, TeamRole, TeamSummary

_own = team_members.alias("own")


def search(connection: Connection, org_id: str, user_id: str, text: str, *, limit: int, offset: int) -> list[TeamSummary]:
    """Return some of the teams with a text in their name, display name or description, by name."""
    count = select(func.count()).where(team_members.c.team_id == teams.c.id).scalar_subquery().label("members")
    columns = (teams.c.id, teams.c.kind, teams.c.name, teams.c.display_name, teams.c.description)
    query = (
        select(*columns, _own.c.role, count)
        .select_from(teams)
        .outerjoin(_own, and_(_own.c.team_id == teams.c.id, _own.c.user_id == user_id))
        .where(*_conditions(org_id, text))
        .order_by(teams.c.name)
    )
    return [
        TeamSummary(Team(*row[:5], TeamRole(row.role or TeamRole.NONE)), row.members)
        for row in connection.execute(query.limit(limit).offset(offset))
    ]


def count(connection: Connection, org_id: str, text: str) -> int:
    """Return how many teams have a text in them."""
    return connection.scalar(select(func.count()).select_from(teams).where(*_conditions(org_id, text))) or 0


def _conditions(org_id: str, text: str) -> list[ColumnElement[Any]]:
    columns = (teams.c.name, teams.c.display_name, teams.c.description)
    found = [or_(*(contains(column, text) for column in columns))] if text else []
    return [teams.c.org_id == org_id, *found]
