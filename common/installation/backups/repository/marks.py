"""The mark of a backup that is being restored: while it is there, no server starts."""

from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, inspect, select

from common.db.tables.installation import bootstrap_items

_PREFIX = "restor"
_COPYING, _COPIED = "restore ", "restored "


class Mark(NamedTuple):
    """The backup that is being restored, and whether all of its rows are there: only the last steps are left then."""

    backup_id: str
    has_rows: bool


def find(connection: Connection) -> Mark | None:
    """Return the mark, or None; a database without tables has none."""
    if not inspect(connection).has_table(bootstrap_items.name):
        return None
    item = connection.scalar(select(bootstrap_items.c.item).where(bootstrap_items.c.item.startswith(_PREFIX)))
    if item is None:
        return None
    return Mark(item.partition(" ")[2], has_rows=item.startswith(_COPIED))


def add(tx: Connection, backup_id: str, now_millis: int) -> None:
    """Note that a backup is being restored here."""
    tx.execute(insert(bootstrap_items).values(item=_COPYING + backup_id, created_at=now_millis))


def add_rows(tx: Connection, backup_id: str, now_millis: int) -> None:
    """Note that all rows of the backup are there."""
    remove(tx)
    tx.execute(insert(bootstrap_items).values(item=_COPIED + backup_id, created_at=now_millis))


def remove(tx: Connection) -> None:
    """Note that the backup was restored."""
    tx.execute(delete(bootstrap_items).where(bootstrap_items.c.item.startswith(_PREFIX)))
