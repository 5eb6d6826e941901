"""Statements that find which blobs a row names."""

from collections.abc import Sequence

from sqlalchemy import Connection, select, union_all

from common.db.tables.stacks import event_batches, journal_batches, updates
from common.stacks.blob_keys import PROGRAMS, program_key, update_of_program
from common.stacks.model import Status

_NAMING = (updates.c.checkpoint, updates.c.base_checkpoint, journal_batches.c.blob_key, event_batches.c.blob_key)
_BATCHES = {table.name: table for table in (journal_batches, event_batches)}
BATCH_TABLES = tuple(_BATCHES)


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


def page_named_by_updates(connection: Connection, after: str, limit: int) -> tuple[list[str], str]:
    """Return the keys that a page of updates after an id name, and the id of the last one; the keys may repeat."""
    query = (
        select(updates.c.id, updates.c.stack_id, updates.c.checkpoint, updates.c.base_checkpoint, updates.c.program == "")
        .where(updates.c.id > after)
        .order_by(updates.c.id)
        .limit(limit)
    )
    rows = connection.execute(query).all()
    keys = [key for row in rows for key in (row.checkpoint, row.base_checkpoint) if key is not None]
    keys += [program_key(row.stack_id, row.id) for row in rows if row[4]]
    return keys, rows[-1].id if rows else ""


def page_named_by_batches(connection: Connection, table_name: str, after: str, limit: int) -> list[str]:
    """Return keys of batches of one of the tables of batches, in order, after a key."""
    key = _BATCHES[table_name].c.blob_key
    return list(connection.scalars(select(key).where(key > after).order_by(key).limit(limit)))


def list_running(connection: Connection) -> list[str]:
    """Return the keys of the states that running updates have stored so far."""
    query = select(updates.c.checkpoint).where(updates.c.status.in_((Status.RUNNING, Status.FINISHING)))
    return list(connection.scalars(query.where(updates.c.checkpoint.is_not(None))))
