"""Guarded statements of a running update: they write only while its lease is good, and say whether they did.

The guard reads the update's row under a shared lock where the database has such locks, so that an entry is either written
before the update stops taking entries, and then replayed, or refused.
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
    """An update that must be running, under a lease that is good at this moment, for somebody who may go on with it."""

    update_id: str
    now_millis: int

    def holds(self) -> ColumnElement[bool]:
        """Return the condition on the update's row."""
        return and_(
            updates.c.id == self.update_id,
            updates.c.status == Status.RUNNING,
            updates.c.lease_expires_at > self.now_millis,
            MAY_GO_ON,
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """What is known of a received batch without looking into its entries; all of an update may take `limit_bytes`."""

    id: str
    first_sequence: int
    last_sequence: int
    count: int
    size_bytes: int
    limit_bytes: int
    resource_changes: str | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A stored state of a running update; `digest` is the SHA-256 of its text where deltas may refer to it."""

    key: str
    sequence: int
    digest: str | None
    resource_count: int
    is_preview: bool = False


def find_is_preview(connection: Connection, guard: Guard) -> bool | None:
    """Tell whether the update is a preview; None when it does not run under a good lease."""
    found = connection.scalar(select(updates.c.dry_run).where(guard.holds()))
    return bool(found) if found is not None else None


def add_journal_batch(connection: Connection, guard: Guard, batch: Batch, body: bytes | None, blob_key: str | None) -> bool:
    """Insert a journal batch; False when the lease is not good, it is a preview's, or the update recorded as much as it may."""
    values = {**_batch(guard, batch, body, blob_key), "entry_count": batch.count}
    return _add(connection, guard, journal_batches, batch, values)


def add_event_batch(connection: Connection, guard: Guard, batch: Batch, body: bytes | None, blob_key: str | None) -> bool:
    """Insert an event batch; False when the lease is not good, or the update has recorded as much as it may."""
    values = {
        **_batch(guard, batch, body, blob_key),
        "event_count": batch.count,
        "resource_changes": batch.resource_changes,
    }
    return _add(connection, guard, event_batches, batch, values)


def put_checkpoint(connection: Connection, guard: Guard, checkpoint: Checkpoint) -> bool:
    """Make a checkpoint the update's state; one with a number only unless a later one is. False when not written."""
    statement = update(updates).values(_values(checkpoint)).where(guard.holds(), updates.c.dry_run.is_(False))
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
            updates.c.checkpoint,
            updates.c.checkpoint_sequence,
            updates.c.checkpoint_hash,
            updates.c.resource_count,
            updates.c.dry_run,
        ).where(guard.holds()),
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
    given: dict[str, object] = {f"new_{name}": value for name, value in values.items()}
    given |= {"guard_id": guard.update_id, "guard_now": guard.now_millis}
    given |= {"size_bytes": batch.size_bytes, "limit_bytes": batch.limit_bytes}
    return connection.execute(_INSERTS[table.name], given).rowcount == 1


def _guarded_insert(table: Table) -> Insert:
    names = [column.name for column in table.c if column.name != "total_bytes"]
    before = table.alias("before")
    # The largest total is the sum so far, and the index has it last. Batches that are inserted at the same moment may miss each
    # other: what may not be exceeded is how much a replay reads, and that is counted there.
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
            *_TAKEN_FROM[table.name],
        )
        .with_for_update(read=True, of=updates)
    )
    names.append("total_bytes")
    return insert(table).from_select(names, source, include_defaults=False)


# A preview records nothing but events.
_TAKEN_FROM: dict[str, tuple[ColumnElement[bool], ...]] = {
    journal_batches.name: (updates.c.dry_run.is_(False),),
    event_batches.name: (),
}
# Built once: building one anew costs more than half of what the process spends on a batch.
_INSERTS = {table.name: _guarded_insert(table) for table in (journal_batches, event_batches)}
