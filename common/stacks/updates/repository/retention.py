"""Statements that drop what has been kept for long enough."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, exists, select

from common.db.tables.stacks import event_batches, journal_batches, updates
from common.stacks.model import Outcome, Status

_ENDED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)


def ended_with_journal(connection: Connection, before_millis: int, limit: int) -> list[str]:
    """Return ids of updates that ended before a moment and still have their journal, but those that were set aside."""
    has_journal = exists().where(journal_batches.c.update_id == updates.c.id)
    statement = (
        select(updates.c.id)
        .where(
            updates.c.status.in_(_ENDED),
            updates.c.ended_at < before_millis,
            updates.c.outcome != Outcome.DAMAGED,
            has_journal,
        )
        .order_by(updates.c.id)
        .limit(limit)
    )
    return list(connection.scalars(statement))


def drop_journals(connection: Connection, update_ids: Sequence[str]) -> None:
    """Remove the journal batches of updates."""
    connection.execute(delete(journal_batches).where(journal_batches.c.update_id.in_(update_ids)))


def of_stack(connection: Connection, stack_id: str, limit: int) -> list[str]:
    """Return ids of a stack's updates and previews."""
    return list(
        connection.scalars(select(updates.c.id).where(updates.c.stack_id == stack_id).order_by(updates.c.id).limit(limit))
    )


def drop(tx: Connection, update_ids: Sequence[str]) -> None:
    """Remove updates with all their batches."""
    for table in (journal_batches, event_batches):
        tx.execute(delete(table).where(table.c.update_id.in_(update_ids)))
    tx.execute(delete(updates).where(updates.c.id.in_(update_ids)))


def unstarted(tx: Connection, before_millis: int, limit: int) -> list[str]:
    """Return ids of updates that were created before a moment and never started."""
    statement = select(updates.c.id).where(updates.c.status == Status.NOT_STARTED, updates.c.created_at < before_millis)
    return list(tx.scalars(statement.order_by(updates.c.id).limit(limit)))


def drop_unstarted(tx: Connection, update_ids: Sequence[str]) -> None:
    """Remove updates unless they have been started meanwhile."""
    tx.execute(delete(updates).where(updates.c.id.in_(update_ids), updates.c.status == Status.NOT_STARTED))
