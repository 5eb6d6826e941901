"""Statements of finishing an update: stop its writers, read what they left, record the end."""

from dataclasses import dataclass

from sqlalchemy import Connection, select, true, update

from common.db.tables import event_batches, journal_batches, updates
from common.stacks.model import Kind, Outcome, StackPath, Status


@dataclass(frozen=True, slots=True)
class Finishing:
    """An update whose state is to be put together."""

    update_id: str
    stack_id: str
    kind: Kind
    dry_run: bool
    outcome: Outcome
    base_checkpoint: str | None
    checkpoint: str | None
    journal_version: int
    cli_version: str
    written_as: StackPath
    resource_count: int
    base_order: str | None
    resource_order: str | None


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A batch as it was kept: its bytes, or the key of the blob that has them."""

    body: bytes | None
    blob_key: str | None


@dataclass(frozen=True, slots=True)
class End:
    """How an update ended; `links` are the stacks that its state refers to, None when they are as they were."""

    checkpoint: str | None
    resource_order: str | None
    resource_count: int
    damage: str | None
    links: frozenset[tuple[str, str, str]] | None


def stop_writers(connection: Connection, update_id: str, outcome: Outcome, now_millis: int) -> bool:
    """Mark a running update as being finished, so that no entry can arrive any more; False when it is not running.

    One that ends because its lease ran out must still be without a lease: its holder may have renewed it just now.
    """
    holds = updates.c.lease_expires_at <= now_millis if outcome is Outcome.EXPIRED else true()
    changed = connection.execute(
        update(updates)
        .values(status=Status.FINISHING, outcome=outcome, ended_at=now_millis)
        .where(updates.c.id == update_id, updates.c.status == Status.RUNNING, holds),
    )
    return changed.rowcount == 1


def find_finishing(connection: Connection, update_id: str) -> Finishing | None:
    """Return the update if it is being finished."""
    row = connection.execute(
        select(
            updates.c.id, updates.c.stack_id, updates.c.kind, updates.c.dry_run, updates.c.outcome, updates.c.base_checkpoint,
            updates.c.checkpoint, updates.c.journal_version, updates.c.cli_version, updates.c.state_owner,
            updates.c.state_project, updates.c.state_name, updates.c.resource_count, updates.c.base_order,
            updates.c.resource_order,
        ).where(updates.c.id == update_id, updates.c.status == Status.FINISHING),
    ).one_or_none()  # fmt: skip
    if row is None:
        return None
    return Finishing(
        update_id=row.id, stack_id=row.stack_id, kind=Kind(row.kind), dry_run=bool(row.dry_run), outcome=Outcome(row.outcome),
        base_checkpoint=row.base_checkpoint, checkpoint=row.checkpoint, journal_version=row.journal_version,
        cli_version=row.cli_version, written_as=StackPath(row.state_owner, row.state_project, row.state_name),
        resource_count=row.resource_count, base_order=row.base_order, resource_order=row.resource_order,
    )  # fmt: skip


def journal_of(connection: Connection, update_id: str) -> list[StoredBatch]:
    """Return the update's journal batches in the order they arrived."""
    rows = connection.execute(
        select(journal_batches.c.body, journal_batches.c.blob_key)
        .where(journal_batches.c.update_id == update_id)
        .order_by(journal_batches.c.id),
    )
    return [StoredBatch(bytes(body) if body is not None else None, blob_key) for body, blob_key in rows]


def record_end(connection: Connection, finishing: Finishing, end: End) -> bool:
    """Write the end of an update that is being finished; False when another process was first with the same."""
    changes = (
        select(event_batches.c.resource_changes)
        .where(event_batches.c.update_id == finishing.update_id, event_batches.c.resource_changes.is_not(None))
        .order_by(event_batches.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    changed = connection.execute(
        update(updates)
        .values(
            status=finishing.outcome.status, checkpoint=end.checkpoint, resource_order=end.resource_order,
            resource_count=end.resource_count, damage=end.damage,
            resource_changes=changes,
        )
        .where(updates.c.id == finishing.update_id, updates.c.status == Status.FINISHING),
    )  # fmt: skip
    return changed.rowcount == 1
