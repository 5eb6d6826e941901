"""What remains in teams of somebody who leaves an organization."""

from sqlalchemy import Connection, delete

from common.db.tables.people import team_members


def remove_from_teams(tx: Connection, org_id: str, user_id: str) -> None:
    """Delete somebody's places in all teams of an organization."""
    tx.execute(delete(team_members).where(team_members.c.user_id == user_id, team_members.c.org_id == org_id))
