"""The settings document in an organization's row."""

from sqlalchemy import Connection, select, update

from common.db.tables.people import organizations


def find(tx: Connection, org_id: str) -> str | None:
    """Return the text of an organization's settings, or None without such an organization."""
    found: str | None = tx.scalar(select(organizations.c.settings).where(organizations.c.id == org_id))
    return found


def swap(tx: Connection, org_id: str, old: str, new: str) -> bool:
    """Replace the settings as they were read; False when they are not that any more."""
    is_same = (organizations.c.id == org_id, organizations.c.settings == old)
    return tx.execute(update(organizations).values(settings=new).where(*is_same)).rowcount == 1
