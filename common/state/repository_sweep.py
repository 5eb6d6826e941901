"""Which blobs are named by a row."""

from collections.abc import Sequence

from sqlalchemy import Connection, select, union_all

from common.db.tables import event_batches, journal_batches, updates

_NAMING = (updates.c.checkpoint, updates.c.base_checkpoint, journal_batches.c.blob_key, event_batches.c.blob_key)


def named(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Return those of the keys that some row names."""
    # No index helps here: one would cost every write for the sake of a job that runs once in a while.
    found = union_all(*(select(column.label("blob_key")).where(column.in_(keys)) for column in _NAMING))
    return set(connection.scalars(found))
