"""Statements that find which blobs a row names."""

from collections.abc import Sequence

from sqlalchemy import Connection, select, union_all

from common.db.tables.stacks import event_batches, journal_batches, updates
from common.stacks.blob_keys import PROGRAMS, update_of_program

_NAMING = (updates.c.checkpoint, updates.c.base_checkpoint, journal_batches.c.blob_key, event_batches.c.blob_key)


def find_named(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Return those keys, all of one kind, that a row names."""
    if keys and keys[0].startswith(PROGRAMS):
        return _with_update(connection, keys)
    # There is no index for this: each write would pay for a job that runs a few times a day.
    query = union_all(*(select(column.label("blob_key")).where(column.in_(keys)) for column in _NAMING))
    return set(connection.scalars(query))


def _with_update(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Return the keys of stored requests that an update needs: its row has an empty text in place of a large request."""
    ids = {update_of_program(key): key for key in keys}
    update_ids = connection.scalars(select(updates.c.id).where(updates.c.id.in_(ids), updates.c.program == ""))
    return {ids[update_id] for update_id in update_ids}
