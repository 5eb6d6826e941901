"""Statements that read all events of an update at once, and whether more have arrived."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from common.db.tables.stacks import event_batches, updates


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A stored batch of events and the first sequence number in it."""

    first_sequence: int
    body: bytes | None
    blob_key: str | None


def find_mark(connection: Connection, update_id: str) -> tuple[str, int, int]:
    """Return the status of an update, how many batches of its events there are, and the last sequence number in them."""
    query = (
        select(updates.c.status, func.count(event_batches.c.id), func.coalesce(func.max(event_batches.c.last_sequence), 0))
        .select_from(updates)
        .outerjoin(event_batches, event_batches.c.update_id == updates.c.id)
        .where(updates.c.id == update_id)
        .group_by(updates.c.status)
    )
    status, count, last = connection.execute(query).one()
    return status, count, last


def find_batches(connection: Connection, update_id: str) -> list[StoredBatch]:
    """Return all batches of an update, by their first sequence number."""
    rows = connection.execute(
        select(event_batches.c.first_sequence, event_batches.c.body, event_batches.c.blob_key)
        .where(event_batches.c.update_id == update_id)
        .order_by(event_batches.c.first_sequence, event_batches.c.id)
    )
    return [StoredBatch(first, bytes(body) if body is not None else None, key) for first, body, key in rows]
