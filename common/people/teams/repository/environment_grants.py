"""Rows of what teams were given on environments."""

from sqlalchemy import Connection, insert, literal, select
from sqlalchemy import delete as delete_from

from common.db.tables.people import team_entities, teams

_KIND = "environment"


def delete(tx: Connection, org_id: str, project: str, name: str) -> None:
    """Delete the rows of an organization's teams on an environment."""
    of_org = select(teams.c.id).where(teams.c.org_id == org_id)
    is_grant = (
        team_entities.c.team_id.in_(of_org),
        team_entities.c.kind == _KIND,
        team_entities.c.project == project,
        team_entities.c.name == name,
    )
    tx.execute(delete_from(team_entities).where(*is_grant))


def copy(tx: Connection, org_id: str, source: tuple[str, str], target: tuple[str, str], now_millis: int) -> None:
    """Insert for a target, which has none, what the teams of an organization have on a source."""
    delete(tx, org_id, *target)
    project, name = target
    rows = (
        select(
            team_entities.c.team_id,
            team_entities.c.kind,
            literal(project),
            literal(name),
            team_entities.c.permission,
            team_entities.c.max_open_duration,
            literal(now_millis),
        )
        .join(teams, teams.c.id == team_entities.c.team_id)
        .where(
            teams.c.org_id == org_id,
            team_entities.c.kind == _KIND,
            team_entities.c.project == source[0],
            team_entities.c.name == source[1],
        )
    )
    columns = ["team_id", "kind", "project", "name", "permission", "max_open_duration", "created_at"]
    tx.execute(insert(team_entities).from_select(columns, rows))
