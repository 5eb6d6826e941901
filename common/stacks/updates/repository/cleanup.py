"""Statements that delete updates and journals after their time."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, exists, select

from common.db.tables.stacks import event_batches, journal_batches, updates
from common.stacks.model import Outcome, Status

_ENDED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)


def find_ended_with_journal(connection: Connection, before_millis: int, limit: int) -> list[str]:
    """Return ids of updates that ended before a time and still have a journal; a damaged update keeps its journal."""
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


def delete_journals(connection: Connection, update_ids: Sequence[str]) -> None:
    """Delete the journal batches of updates."""
    connection.execute(delete(journal_batches).where(journal_batches.c.update_id.in_(update_ids)))


def find_of_stack(connection: Connection, stack_id: str, limit: int) -> list[str]:
    """Return ids of a stack's updates and previews."""
    return list(
        connection.scalars(select(updates.c.id).where(updates.c.stack_id == stack_id).order_by(updates.c.id).limit(limit))
    )


def delete_updates(tx: Connection, update_ids: Sequence[str]) -> None:
    """Delete updates with all their batches."""
    for table in (journal_batches, event_batches):
        tx.execute(delete(table).where(table.c.update_id.in_(update_ids)))
    tx.execute(delete(updates).where(updates.c.id.in_(update_ids)))


def find_unstarted(tx: Connection, before_millis: int, limit: int) -> list[str]:
    """Return ids of updates that were created before a time and never started."""
    statement = select(updates.c.id).where(updates.c.status == Status.NOT_STARTED, updates.c.created_at < before_millis)
    return list(tx.scalars(statement.order_by(updates.c.id).limit(limit)))


def delete_unstarted(tx: Connection, update_ids: Sequence[str]) -> None:
    """Delete updates that have not started."""
    tx.execute(delete(updates).where(updates.c.id.in_(update_ids), updates.c.status == Status.NOT_STARTED))
