"""Rows of the teams that an organization's directory owns."""

from collections.abc import Collection

from sqlalchemy import Connection, delete, exists, insert, select, update

from common.db.tables.people import team_members, teams
from common.db.tables.sign_in import scim_tokens
from common.people.teams.model import TeamRole


def has_directory(tx: Connection, org_id: str) -> bool:
    """Tell whether an organization has a directory, which may call this server."""
    return bool(tx.scalar(select(exists().where(scim_tokens.c.org_id == org_id))))


def find_taken(tx: Connection, org_id: str, names: Collection[str]) -> set[str]:
    """Return which of these names an organization's teams have."""
    return set(tx.scalars(select(teams.c.name).where(teams.c.org_id == org_id, teams.c.name.in_(names))))


def update_display_name(tx: Connection, team_id: str, display_name: str) -> None:
    """Change the display name of a team."""
    tx.execute(update(teams).values(display_name=display_name).where(teams.c.id == team_id))


def find_members(tx: Connection, team_id: str, among: Collection[str]) -> set[str]:
    """Return those of the users who are members of a team."""
    query = select(team_members.c.user_id).where(team_members.c.team_id == team_id, team_members.c.user_id.in_(among))
    return set(tx.scalars(query))


def add_members(tx: Connection, org_id: str, team_id: str, user_ids: Collection[str], now_millis: int) -> None:
    """Insert members of a team; IntegrityError for a member."""
    shared = {"team_id": team_id, "org_id": org_id, "role": TeamRole.MEMBER, "created_at": now_millis}
    tx.execute(insert(team_members), [{**shared, "user_id": user_id} for user_id in user_ids])


def remove_members(tx: Connection, team_id: str, user_ids: Collection[str]) -> int:
    """Delete members of a team, and return how many there were."""
    are_chosen = (team_members.c.team_id == team_id, team_members.c.user_id.in_(user_ids))
    return tx.execute(delete(team_members).where(*are_chosen)).rowcount


def remove_others(tx: Connection, team_id: str, user_ids: Collection[str]) -> int:
    """Delete all members of a team but these, and return how many."""
    is_of_team = team_members.c.team_id == team_id
    return tx.execute(delete(team_members).where(is_of_team, team_members.c.user_id.not_in(user_ids))).rowcount
