"""Statements that finish an update: stop its writers, read its batches, record its end."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, or_, select, true, update

from common.db.authority import MAY_GO_ON
from common.db.tables.access import access_tokens
from common.db.tables.people import organizations, users
from common.db.tables.stacks import event_batches, journal_batches, stacks, updates
from common.rights.org_settings import decode
from common.stacks.model import FINISHING_MILLIS, Kind, Outcome, StackPath, Status
from common.stacks.repository.stacks import HAS_WEBHOOKS  # arch: who may want an event is one condition

_owner = users.alias("owner")
_FINISHING = (
    updates.c.id,
    updates.c.stack_id,
    updates.c.kind,
    updates.c.dry_run,
    updates.c.outcome,
    updates.c.base_checkpoint,
    updates.c.checkpoint,
    updates.c.journal_version,
    updates.c.cli_version,
    updates.c.state_owner,
    updates.c.state_project,
    updates.c.state_name,
    updates.c.resource_count,
    updates.c.base_order,
    updates.c.resource_order,
    updates.c.integrity_error,
    updates.c.version,
    updates.c.attempts,
    updates.c.requested_by,
    updates.c.token_id,
    stacks.c.org_id,
    organizations.c.settings,
    users.c.login,
    access_tokens.c.name.label("token_name"),
    HAS_WEBHOOKS,
    stacks.c.mails_failure,
    stacks.c.mails_success,
    stacks.c.created_by,
    _owner.c.email.label("owner_email"),
)


@dataclass(frozen=True, slots=True)
class FinishingUpdate:
    """An update that accepts no more entries and has no state yet; `attempts` counts the processes that began to build it.

    `integrity_error` is that of the state that it began with.
    """

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
    version: int | None
    attempts: int
    org_id: str
    # The user who began the update and their token, for the audit log; empty texts for those that are gone.
    user_id: str
    login: str
    token_id: str | None
    token_name: str
    has_webhooks: bool
    has_policies: bool
    # Whether the stack's owner gets a mail about the end, and to which address; an empty one if they have none.
    mails_failure: bool = False
    mails_success: bool = False
    owner_id: str = ""
    owner_email: str = ""
    integrity_error: str | None = None


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A stored batch: in a row, with `size_bytes`, or in a blob."""

    id: str
    first_sequence: int
    blob_key: str | None
    size_bytes: int


@dataclass(frozen=True, slots=True)
class UpdateEnd:
    """The end of an update.

    `links` are the stacks that its state refers to, and `packages` those that it uses; None if they did not change.
    `integrity_error` is the first rule of Pulumi's engine that it breaks.
    """

    checkpoint: str | None
    resource_order: str | None
    resource_count: int
    damage: str | None
    links: frozenset[tuple[str, str, str]] | None
    is_damaged: bool = False
    packages: str | None = None
    integrity_error: str | None = None


def stop_writers(
    connection: Connection,
    update_id: str,
    outcome: Outcome,
    now_millis: int,
    *,
    for_client: bool,
) -> bool:
    """Mark a running update as being finished, so that it accepts no more entries. False if it is not running.

    To expire, its lease must still be over: its client may have renewed it just now. With `for_client`, the user who began it
    must still have the right to continue it.
    """
    if outcome is Outcome.EXPIRED:
        condition = updates.c.lease_expires_at <= now_millis
    elif for_client:
        condition = MAY_GO_ON
    else:
        condition = true()
    changed = connection.execute(
        update(updates)
        .values(
            status=Status.FINISHING,
            outcome=outcome,
            ended_at=now_millis,
            attempts=1,
            lease_expires_at=now_millis + FINISHING_MILLIS,
        )
        .where(updates.c.id == update_id, updates.c.status == Status.RUNNING, condition),
    )
    return changed.rowcount == 1


def reopen(
    connection: Connection, update_id: str, outcome: Outcome, now_millis: int, *, most_attempts: int | None = None
) -> bool:
    """Mark a damaged update as being finished again. False if it is not damaged, or the stack has a newer version.

    From now on it counts as busy, so that other processes do not resume it. With `most_attempts` also False if more attempts
    than that were made.
    """
    row = connection.execute(select(updates.c.stack_id, updates.c.version).where(updates.c.id == update_id)).one_or_none()
    if row is None or row.version is None:
        return False
    # A derived table, since MySQL does not read the table itself that it changes.
    newest = select(func.max(updates.c.version).label("version")).where(updates.c.stack_id == row.stack_id).subquery()
    changed = connection.execute(
        update(updates)
        .values(status=Status.FINISHING, outcome=outcome, ended_at=now_millis, attempts=1, damage=None)
        .where(
            updates.c.id == update_id,
            updates.c.outcome == Outcome.DAMAGED,
            updates.c.status == Status.FAILED,
            updates.c.version == select(newest.c.version).scalar_subquery(),
            *([] if most_attempts is None else [updates.c.attempts <= most_attempts]),
        ),
    )
    return changed.rowcount == 1


def is_still_damaged(connection: Connection, update_id: str) -> bool:
    """Tell whether an update that was read as damaged still is, and no process builds its state."""
    row = connection.execute(select(updates.c.status, updates.c.damage).where(updates.c.id == update_id)).one_or_none()
    return row is not None and row.status == Status.FAILED and row.damage is not None


def close_damaged(tx: Connection, update_id: str, attempts: int) -> None:
    """Set the number of attempts of a damaged update, so that `reopen` leaves it alone."""
    tx.execute(
        update(updates)
        .values(attempts=attempts)
        .where(updates.c.id == update_id, updates.c.outcome == Outcome.DAMAGED, updates.c.status == Status.FAILED),
    )


def find_finishing(connection: Connection, update_id: str) -> FinishingUpdate | None:
    """Return the update if it is being finished, or None."""
    row = connection.execute(
        select(*_FINISHING)
        .join(stacks, stacks.c.id == updates.c.stack_id)
        .join(organizations, organizations.c.id == stacks.c.org_id)
        .outerjoin(users, users.c.id == updates.c.requested_by)
        .outerjoin(access_tokens, access_tokens.c.id == updates.c.token_id)
        .outerjoin(_owner, _owner.c.id == stacks.c.created_by)
        .where(updates.c.id == update_id, updates.c.status == Status.FINISHING),
    ).one_or_none()
    if row is None:
        return None
    return FinishingUpdate(
        update_id=row.id,
        stack_id=row.stack_id,
        kind=Kind(row.kind),
        dry_run=bool(row.dry_run),
        outcome=Outcome(row.outcome),
        base_checkpoint=row.base_checkpoint,
        checkpoint=row.checkpoint,
        journal_version=row.journal_version,
        cli_version=row.cli_version,
        written_as=StackPath(row.state_owner, row.state_project, row.state_name),
        resource_count=row.resource_count,
        base_order=row.base_order,
        resource_order=row.resource_order,
        version=row.version,
        attempts=row.attempts,
        org_id=row.org_id,
        user_id=row.requested_by,
        login=row.login or "",
        token_id=row.token_id,
        token_name=row.token_name or "",
        has_webhooks=bool(row.has_webhooks),
        has_policies=decode(row.settings).has_policies,
        mails_failure=bool(row.mails_failure),
        mails_success=bool(row.mails_success),
        owner_id=row.created_by,
        owner_email=row.owner_email or "",
        integrity_error=row.integrity_error,
    )


def count_attempt(connection: Connection, update_id: str, now_millis: int) -> None:
    """Count an attempt to build an update's state, unless another one was counted within the time that an attempt may take.

    A client that repeats its call while an attempt is under way must not look like several processes that died of it.
    """
    until = now_millis + FINISHING_MILLIS
    # A time that is further away is from before the clock was set back.
    is_over = or_(updates.c.lease_expires_at <= now_millis, updates.c.lease_expires_at > until)
    connection.execute(
        update(updates)
        .values(attempts=updates.c.attempts + 1, lease_expires_at=until)
        .where(updates.c.id == update_id, updates.c.status == Status.FINISHING, is_over),
    )


def take_back_attempt(connection: Connection, update_id: str) -> None:
    """Count an attempt less: it ended for a reason that is not the update's."""
    connection.execute(
        update(updates)
        .values(attempts=updates.c.attempts - 1)
        .where(updates.c.id == update_id, updates.c.status == Status.FINISHING, updates.c.attempts > 0),
    )


def journal_of(connection: Connection, update_id: str) -> list[StoredBatch]:
    """Return the update's journal batches in the order in which they arrived."""
    rows = connection.execute(
        select(
            journal_batches.c.id,
            journal_batches.c.first_sequence,
            journal_batches.c.blob_key,
            func.coalesce(func.length(journal_batches.c.body), 0),
        )
        .where(journal_batches.c.update_id == update_id)
        .order_by(journal_batches.c.id),
    )
    return [StoredBatch(*row) for row in rows]


def bodies_of(connection: Connection, update_id: str, batch_ids: Sequence[str]) -> dict[str, bytes]:
    """Return the bytes of journal batches that are in rows, by their ids."""
    rows = connection.execute(
        select(journal_batches.c.id, journal_batches.c.body).where(
            journal_batches.c.update_id == update_id, journal_batches.c.id.in_(batch_ids)
        ),
    )
    return {batch_id: bytes(body or b"") for batch_id, body in rows}


def record_end(connection: Connection, finishing: FinishingUpdate, end: UpdateEnd, *, ended_at: int | None = None) -> bool:
    """Record the end of an update that is being finished. False if another process has recorded the same end.

    `ended_at` is when it ended, if its state is built again later than that.
    """
    outcome = Outcome.DAMAGED if end.is_damaged else finishing.outcome
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
            status=outcome.status,
            outcome=outcome,
            checkpoint=end.checkpoint,
            resource_order=end.resource_order,
            resource_count=end.resource_count,
            packages=end.packages,
            damage=end.damage,
            integrity_error=end.integrity_error,
            resource_changes=changes,
            **({} if ended_at is None else {"ended_at": ended_at}),
        )
        .where(updates.c.id == finishing.update_id, updates.c.status == Status.FINISHING),
    )
    return changed.rowcount == 1
