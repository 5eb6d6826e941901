"""Rows of team members, by id, as groups of an identity provider change them."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select

from common.db.tables.people import team_members, teams
from common.people.teams.model import TeamRole


def lock(tx: Connection, org_id: str, team_ids: Collection[str]) -> list[str]:
    """Lock and return those of the ids that are teams of the organization."""
    query = select(teams.c.id).where(teams.c.org_id == org_id, teams.c.id.in_(_ids(team_ids))).order_by(teams.c.id)
    return list(tx.scalars(query.with_for_update(read=True)))


def find_places(tx: Connection, user_id: str, team_ids: Collection[str]) -> set[str]:
    """Return those of the teams that a user belongs to."""
    query = select(team_members.c.team_id).where(team_members.c.user_id == user_id, team_members.c.team_id.in_(_ids(team_ids)))
    return set(tx.scalars(query))


def add(tx: Connection, org_id: str, team_ids: Collection[str], user_id: str, now_millis: int) -> None:
    """Insert a user into teams."""
    row = {"user_id": user_id, "org_id": org_id, "role": TeamRole.MEMBER.value, "created_at": now_millis}
    tx.execute(insert(team_members), [{"team_id": team_id, **row} for team_id in team_ids])


def remove(tx: Connection, team_ids: Collection[str], user_id: str) -> int:
    """Delete a user from teams, and return from how many."""
    condition = (team_members.c.user_id == user_id, team_members.c.team_id.in_(_ids(team_ids)))
    return tx.execute(delete(team_members).where(*condition)).rowcount


def _ids(team_ids: Collection[str]) -> Any:  # noqa: ANN401 - a list of values in a statement
    return bindparam("team_ids", sorted(team_ids), expanding=True)
