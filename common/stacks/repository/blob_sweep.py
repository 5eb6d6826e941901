"""Which blobs are named by a row."""

from collections.abc import Sequence

from sqlalchemy import Connection, select, union_all

from common.db.tables.stacks import event_batches, journal_batches, updates
from common.stacks.blob_keys import PROGRAMS, update_of_program

_NAMING = (updates.c.checkpoint, updates.c.base_checkpoint, journal_batches.c.blob_key, event_batches.c.blob_key)


def named(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Return those of the keys, all of one kind, that some row names."""
    if keys and keys[0].startswith(PROGRAMS):
        return _with_update(connection, keys)
    # No index helps here: one would cost every write for the sake of a job that runs once in a while.
    found = union_all(*(select(column.label("blob_key")).where(column.in_(keys)) for column in _NAMING))
    return set(connection.scalars(found))


def _with_update(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Return the keys of requests whose update is there; its row has an empty text in the place of a large request."""
    ids = {update_of_program(key): key for key in keys}
    found = connection.scalars(select(updates.c.id).where(updates.c.id.in_(ids), updates.c.program == ""))
    return {ids[update_id] for update_id in found}
