"""Custom roles that members and invitations name."""

from sqlalchemy import Connection, update

from common.db.tables.people import invites, members


def drop(tx: Connection, org_id: str, role_id: str) -> None:
    """Leave every member and invitation of a custom role with the built-in role beneath it."""
    tx.execute(update(members).values(role_id=None).where(members.c.role_id == role_id))
    tx.execute(update(invites).values(role_id=None).where(invites.c.org_id == org_id, invites.c.role_id == role_id))
