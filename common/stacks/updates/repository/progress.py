"""Guarded statements of a running update: they write only while its lease is valid, and return whether they did.

The guard reads the update's row with a shared lock where the database has such locks. So an entry is either written before the
update stops accepting entries, and then replayed, or rejected.
"""

from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Insert,
    Table,
    and_,
    bindparam,
    func,
    insert,
    select,
    update,
)

from common.db.authority import MAY_GO_ON
from common.db.tables.stacks import event_batches, journal_batches, updates
from common.stacks.model import Status


@dataclass(frozen=True, slots=True)
class Guard:
    """An update that must run, with a lease that is valid now, for a user who may continue it."""

    update_id: str
    now_millis: int

    def condition(self) -> ColumnElement[bool]:
        """Return the condition on the update's row."""
        return and_(
            updates.c.id == self.update_id,
            updates.c.status == Status.RUNNING,
            updates.c.lease_expires_at > self.now_millis,
            MAY_GO_ON,
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """A received batch, without its entries; `limit_bytes` is the limit for all batches of an update together."""

    id: str
    first_sequence: int
    last_sequence: int
    count: int
    size_bytes: int
    limit_bytes: int
    resource_changes: str | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A stored state of a running update; `digest` is the SHA-256 of its text if deltas may refer to it."""

    key: str
    sequence: int
    digest: str | None
    resource_count: int
    is_preview: bool = False


def find_is_preview(connection: Connection, guard: Guard) -> bool | None:
    """Tell whether the update is a preview; None if it does not run with a valid lease."""
    dry_run = connection.scalar(select(updates.c.dry_run).where(guard.condition()))
    return bool(dry_run) if dry_run is not None else None


def lock_next_event(tx: Connection, guard: Guard) -> int | None:
    """Lock the update and return the number of its next engine event; None if it does not run with a valid lease."""
    if tx.scalar(select(updates.c.id).where(guard.condition()).with_for_update()) is None:
        return None
    last = tx.scalar(select(func.max(event_batches.c.last_sequence)).where(event_batches.c.update_id == guard.update_id))
    return last + 1 if last is not None else 0


def add_journal_batch(connection: Connection, guard: Guard, batch: Batch, body: bytes | None, blob_key: str | None) -> bool:
    """Insert a journal batch. False without a valid lease, for a preview, or if the update reached its limit."""
    values = {**_batch(guard, batch, body, blob_key), "entry_count": batch.count}
    return _add(connection, guard, journal_batches, batch, values)


def add_event_batch(connection: Connection, guard: Guard, batch: Batch, body: bytes | None, blob_key: str | None) -> bool:
    """Insert an event batch. False without a valid lease, or if the update reached its limit."""
    values = {
        **_batch(guard, batch, body, blob_key),
        "event_count": batch.count,
        "resource_changes": batch.resource_changes,
    }
    return _add(connection, guard, event_batches, batch, values)


def update_checkpoint(connection: Connection, guard: Guard, checkpoint: Checkpoint) -> bool:
    """Make a checkpoint the update's state. False without a valid lease, or if a checkpoint with a higher number is stored."""
    statement = update(updates).values(_values(checkpoint)).where(guard.condition(), updates.c.dry_run.is_(False))
    if checkpoint.digest is not None:
        statement = statement.where(updates.c.checkpoint_sequence <= checkpoint.sequence)
    return connection.execute(statement).rowcount == 1


def replace_checkpoint(connection: Connection, guard: Guard, old: Checkpoint, new: Checkpoint) -> bool:
    """Make a checkpoint the update's state in place of its base. False if the state is no longer that base."""
    changed = connection.execute(
        update(updates).values(_values(new)).where(guard.condition(), updates.c.checkpoint == old.key),
    )
    return changed.rowcount == 1


def find_checkpoint(connection: Connection, guard: Guard) -> Checkpoint | None:
    """Return the update's checkpoint, with digest None if no delta may refer to it; None without a valid lease."""
    row = connection.execute(
        select(
            updates.c.checkpoint,
            updates.c.checkpoint_sequence,
            updates.c.checkpoint_hash,
            updates.c.resource_count,
            updates.c.dry_run,
        ).where(guard.condition()),
    ).one_or_none()
    return Checkpoint(row[0] or "", row[1], row[2], row[3], bool(row[4])) if row is not None else None


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
        "update_id": guard.update_id,
        "id": batch.id,
        "first_sequence": batch.first_sequence,
        "last_sequence": batch.last_sequence,
        "received_at": guard.now_millis,
        "body": body,
        "blob_key": blob_key,
    }


def _add(connection: Connection, guard: Guard, table: Table, batch: Batch, values: dict[str, object]) -> bool:
    parameters: dict[str, object] = {f"new_{name}": value for name, value in values.items()}
    parameters |= {"guard_id": guard.update_id, "guard_now": guard.now_millis}
    parameters |= {"size_bytes": batch.size_bytes, "limit_bytes": batch.limit_bytes}
    return connection.execute(_INSERTS[table.name], parameters).rowcount == 1


def _guarded_insert(table: Table) -> Insert:
    names = [column.name for column in table.c if column.name != "total_bytes"]
    before = table.alias("before")
    # The largest total is the sum so far, and the index has it last. Batches that are inserted at the same time may not count
    # each other: the limit that must hold is that of a replay, which counts for itself.
    largest = select(func.max(before.c.total_bytes)).where(before.c.update_id == bindparam("guard_id"))
    total = func.coalesce(largest.scalar_subquery(), 0) + bindparam("size_bytes", type_=BigInteger)
    source = (
        select(*(bindparam(f"new_{name}", type_=table.c[name].type) for name in names), total.label("total_bytes"))
        .select_from(updates)
        .where(
            updates.c.id == bindparam("guard_id"),
            updates.c.status == Status.RUNNING,
            updates.c.lease_expires_at > bindparam("guard_now"),
            MAY_GO_ON,
            total <= bindparam("limit_bytes"),
            *_CONDITIONS[table.name],
        )
        .with_for_update(read=True, of=updates)
    )
    names.append("total_bytes")
    return insert(table).from_select(names, source, include_defaults=False)


# A preview records only events.
_CONDITIONS: dict[str, tuple[ColumnElement[bool], ...]] = {
    journal_batches.name: (updates.c.dry_run.is_(False),),
    event_batches.name: (),
}
# Built once: building one takes more than half of the time that the process spends on a batch.
_INSERTS = {table.name: _guarded_insert(table) for table in (journal_batches, event_batches)}
