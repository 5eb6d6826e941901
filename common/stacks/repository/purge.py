"""Statements that drop a deleted stack for good."""

from sqlalchemy import Connection, delete, select, update

from common.db.tables.stacks import stack_names, stack_tags, stacks


def find_deleted(connection: Connection, before_millis: int) -> str | None:
    """Return the id of a stack that was deleted before a moment, the longest deleted first."""
    statement = (
        select(stacks.c.id)
        .where(stacks.c.live.is_(None), stacks.c.deleted_at < before_millis)
        .order_by(stacks.c.deleted_at, stacks.c.id)
        .limit(1)
    )
    found: str | None = connection.scalar(statement)
    return found


def claim(tx: Connection, stack_id: str, before_millis: int) -> bool:
    """Mark that a stack's purge has begun, which takes several steps; False when it came back to life."""
    is_due = (stacks.c.live.is_(None), stacks.c.deleted_at < before_millis)
    return tx.execute(update(stacks).values(deleted_at=0).where(stacks.c.id == stack_id, *is_due)).rowcount == 1


def drop(tx: Connection, stack_id: str) -> None:
    """Remove a stack's own rows, unless it came back to life."""
    for table in (stack_tags, stack_names):
        tx.execute(delete(table).where(table.c.stack_id == stack_id))
    tx.execute(delete(stacks).where(stacks.c.id == stack_id, stacks.c.live.is_(None)))
