"""Guarded statements of a running update: they write only while its lease is good, and say whether they did.

The guard reads the update's row under a shared lock where the database has such locks, so that an entry is either written
before the update stops taking entries, and then replayed, or refused.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Insert, Table, and_, bindparam, insert, select, update

from common.db.tables import event_batches, journal_batches, updates
from common.stacks.model import Status


@dataclass(frozen=True, slots=True)
class Guard:
    """An update that must be running under a lease that is good at this moment."""

    update_id: str
    now_millis: int

    def holds(self) -> ColumnElement[bool]:
        """Return the condition on the update's row."""
        return and_(
            updates.c.id == self.update_id,
            updates.c.status == Status.RUNNING,
            updates.c.lease_expires_at > self.now_millis,
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """What is known of a received batch without looking into its entries."""

    id: str
    first_sequence: int
    last_sequence: int
    count: int
    resource_changes: str | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A stored state of a running update; `digest` is the SHA-256 of its text where deltas may refer to it."""

    key: str
    sequence: int
    digest: str | None
    resource_count: int


def is_good(connection: Connection, guard: Guard) -> bool:
    """Tell whether the update runs under a good lease."""
    return connection.scalar(select(updates.c.id).where(guard.holds())) is not None


def add_journal_batch(connection: Connection, guard: Guard, batch: Batch, body: bytes | None, blob_key: str | None) -> bool:
    """Insert a journal batch; False when the lease is not good."""
    return _add(connection, guard, journal_batches, {**_batch(guard, batch, body, blob_key), "entry_count": batch.count})


def add_event_batch(connection: Connection, guard: Guard, batch: Batch, body: bytes | None, blob_key: str | None) -> bool:
    """Insert an event batch; False when the lease is not good."""
    values = {
        **_batch(guard, batch, body, blob_key), "event_count": batch.count, "resource_changes": batch.resource_changes,
    }  # fmt: skip
    return _add(connection, guard, event_batches, values)


def put_checkpoint(connection: Connection, guard: Guard, checkpoint: Checkpoint) -> bool:
    """Make a checkpoint the update's state; one with a number only unless a later one is. False when not written."""
    statement = update(updates).values(_values(checkpoint)).where(guard.holds())
    if checkpoint.digest is not None:
        statement = statement.where(updates.c.checkpoint_sequence <= checkpoint.sequence)
    return connection.execute(statement).rowcount == 1


def replace_checkpoint(connection: Connection, guard: Guard, old: Checkpoint, new: Checkpoint) -> bool:
    """Make a checkpoint the update's state in place of the one it was made from; False when that is no longer it."""
    changed = connection.execute(
        update(updates).values(_values(new)).where(guard.holds(), updates.c.checkpoint == old.key),
    )
    return changed.rowcount == 1


def find_checkpoint(connection: Connection, guard: Guard) -> Checkpoint | None:
    """Return the update's checkpoint, with digest None if no delta may refer to it; None when the lease is not good."""
    row = connection.execute(
        select(
            updates.c.checkpoint, updates.c.checkpoint_sequence, updates.c.checkpoint_hash, updates.c.resource_count,
        ).where(guard.holds()),
    ).one_or_none()  # fmt: skip
    return Checkpoint(row[0] or "", row[1], row[2], row[3]) if row is not None else None


def _values(checkpoint: Checkpoint) -> dict[str, object]:
    return {
        "checkpoint": checkpoint.key,
        "checkpoint_sequence": checkpoint.sequence,
        "checkpoint_hash": checkpoint.digest,
        "resource_order": None,
        "resource_count": checkpoint.resource_count,
    }


def _batch(guard: Guard, batch: Batch, body: bytes | None, blob_key: str | None) -> dict[str, object]:
    return {
        "update_id": guard.update_id, "id": batch.id, "first_sequence": batch.first_sequence,
        "last_sequence": batch.last_sequence, "received_at": guard.now_millis, "body": body, "blob_key": blob_key,
    }  # fmt: skip


def _add(connection: Connection, guard: Guard, table: Table, values: dict[str, object]) -> bool:
    given = {f"new_{name}": value for name, value in values.items()}
    statement = _INSERTS[table.name]
    return connection.execute(statement, {**given, "guard_id": guard.update_id, "guard_now": guard.now_millis}).rowcount == 1


def _guarded_insert(table: Table) -> Insert:
    names = [column.name for column in table.c]
    source = (
        select(*(bindparam(f"new_{name}", type_=table.c[name].type) for name in names))
        .select_from(updates)
        .where(
            updates.c.id == bindparam("guard_id"),
            updates.c.status == Status.RUNNING,
            updates.c.lease_expires_at > bindparam("guard_now"),
        )
        .with_for_update(read=True)
    )
    return insert(table).from_select(names, source, include_defaults=False)


# Built once: building one anew costs more than half of what the process spends on a batch.
_INSERTS = {table.name: _guarded_insert(table) for table in (journal_batches, event_batches)}
