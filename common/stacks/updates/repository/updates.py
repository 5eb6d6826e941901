"""Statements of updates that clients run: create, start, renew, find."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, bindparam, func, insert, or_, select, update

from common.db.authority import MAY_GO_ON
from common.db.tables.stacks import stacks, updates
from common.stacks.model import Kind, Outcome, Stack, StackPath, Status
from common.stacks.repository import stacks as stack_rows  # arch: one query reads an update with its stack, as start needs both
from common.stacks.updates.model import Client, Program, Update

_newer = updates.alias("newer")
# By the newest one: MySQL reads that off the end of the index, and would look for any newer one in all of the stack's rows.
_NEWEST = select(func.max(_newer.c.version)).where(_newer.c.stack_id == updates.c.stack_id).scalar_subquery()
_HAS_SUCCESSOR = (updates.c.version < _NEWEST).label("has_successor")


@dataclass(frozen=True, slots=True)
class Run:
    """The values of an update that starts; `version` is None for a dry run."""

    update_id: str
    version: int | None
    now_millis: int
    lease_expires_at: int
    journal_version: int
    client: Client
    token_id: str


@dataclass(frozen=True, slots=True)
class LeasedUpdate:
    """An update, whether its stack has a newer version, and whether the user who began it may continue it."""

    update: Update
    has_successor: bool
    may_continue: bool


@dataclass(frozen=True, slots=True)
class RunningUpdate:
    """A running update, the access token that began it, and whether that token and its user's membership still exist."""

    update_id: str
    stack_id: str
    token_id: str
    dry_run: bool
    may_continue: bool


def add(
    connection: Connection,
    *,
    update_id: str,
    stack: Stack,
    kind: Kind,
    program: Program,
    user_id: str,
    now_millis: int,
    limit: int,
) -> bool:
    """Insert an update that is not started and locks nothing yet. False if the stack reached its limit of updates."""
    return _insert(connection, _created(update_id, stack, kind, program, user_id, now_millis=now_millis), limit)


def add_running(
    connection: Connection,
    stack: Stack,
    kind: Kind,
    program: Program,
    user_id: str,
    *,
    run: Run,
    limit: int,
) -> bool:
    """Insert a running update. False if the stack reached its limit of updates, IntegrityError if the version is taken."""
    created = _created(run.update_id, stack, kind, program, user_id, now_millis=run.now_millis)
    return _insert(connection, {**created, **_running(stack, run)}, limit)


def _insert(connection: Connection, values: dict[str, object], limit: int) -> bool:
    parameters = {f"new_{column.name}": values.get(column.name, _DEFAULTS.get(column.name)) for column in updates.c}
    day_before = int(str(values["created_at"])) - _DAY_MILLIS
    return connection.execute(_INSERT, {**parameters, "day_before": day_before, "limit": limit}).rowcount == 1


def start(connection: Connection, stack: Stack, run: Run) -> bool:
    """Start a created update on the stack's newest state.

    False if it has started before; IntegrityError if its version is taken.
    """
    changed = connection.execute(
        update(updates)
        .values(**_running(stack, run))
        .where(updates.c.id == run.update_id, updates.c.status == Status.NOT_STARTED),
    )
    return changed.rowcount == 1


def renew(connection: Connection, update_id: str, lease_expires_at: int) -> bool:
    """Extend the lease of a running update, also an expired one while the stack has no newer version.

    False if the update has ended, or the user who began it may not continue it.
    """
    changed = connection.execute(
        update(updates)
        .values(lease_expires_at=lease_expires_at)
        .where(updates.c.id == update_id, updates.c.status == Status.RUNNING, MAY_GO_ON),
    )
    return changed.rowcount == 1


def cancel_unstarted(connection: Connection, update_id: str, now_millis: int) -> bool:
    """Cancel an update that has not started. False if it has."""
    changed = connection.execute(
        update(updates)
        .values(status=Status.CANCELLED, outcome=Outcome.CANCELLED, ended_at=now_millis)
        .where(updates.c.id == update_id, updates.c.status == Status.NOT_STARTED),
    )
    return changed.rowcount == 1


def complete_expired(connection: Connection, update_id: str, outcome: Outcome) -> bool:
    """Record the outcome of an expired update when its client reports it. False if the update is not expired."""
    changed = connection.execute(
        update(updates)
        .values(status=outcome.status, outcome=outcome)
        .where(updates.c.id == update_id, updates.c.outcome == Outcome.EXPIRED, updates.c.status == Status.FAILED, MAY_GO_ON),
    )
    return changed.rowcount == 1


def find(connection: Connection, update_id: str) -> LeasedUpdate | None:
    """Return an update by its id alone, for the client that has its lease, or None."""
    query = select(*_UPDATE_COLUMNS, _HAS_SUCCESSOR, MAY_GO_ON.label("may_continue")).where(updates.c.id == update_id)
    row = connection.execute(query).one_or_none()
    return (
        LeasedUpdate(_from_columns(row._asdict()), bool(row.has_successor), bool(row.may_continue)) if row is not None else None
    )


def find_with_stack(
    connection: Connection,
    org_id: str,
    path: StackPath,
    update_id: str,
    principals: Sequence[str],
) -> tuple[Stack, Update] | None:
    """Return the update and its live stack with its newest version, in one query. None if the stack has no such update."""
    parameters = {"org_id": org_id, "project": path.project, "name": path.name, "update_id": update_id}
    rows = connection.execute(_WITH_STACK, {**parameters, "principals": list(principals)}).all()
    stack = stack_rows.one_stack(rows)
    if stack is None:
        return None
    return stack, _from_columns({column.name: getattr(rows[0], f"requested_{column.name}") for column in _UPDATE_COLUMNS})


def get_program(connection: Connection, update_id: str) -> bytes:
    """Return the request that created an update, empty if it is in the object store."""
    return (connection.scalar(select(updates.c.program).where(updates.c.id == update_id)) or "").encode()


def list_running(connection: Connection, after: str, limit: int) -> list[RunningUpdate]:
    """Return running updates with a known access token, by their ids, after an id."""
    rows = connection.execute(
        select(updates.c.id, updates.c.stack_id, updates.c.token_id, updates.c.dry_run, MAY_GO_ON)
        .where(updates.c.status == Status.RUNNING, updates.c.token_id.is_not(None), updates.c.id > after)
        .order_by(updates.c.id)
        .limit(limit),
    )
    return [RunningUpdate(row[0], row[1], row[2], dry_run=bool(row[3]), may_continue=bool(row[4])) for row in rows]


def shorten_leases(connection: Connection, *, now_millis: int, latest_millis: int) -> None:
    """Correct times that are too far in the future: they were written while a clock was ahead."""
    running, finishing = updates.c.status == Status.RUNNING, updates.c.status == Status.FINISHING
    connection.execute(
        update(updates).values(lease_expires_at=latest_millis).where(running, updates.c.lease_expires_at > latest_millis),
    )
    connection.execute(update(updates).values(ended_at=now_millis).where(finishing, updates.c.ended_at > now_millis))


def end_leases(connection: Connection) -> None:
    """End the leases of all running updates."""
    running = (updates.c.status == Status.RUNNING, updates.c.lease_expires_at > 0)
    connection.execute(update(updates).values(lease_expires_at=0).where(*running))


def list_abandoned(
    connection: Connection,
    *,
    lease_before: int,
    finishing_before: int,
    limit: int,
) -> list[tuple[str, Status]]:
    """Return (id, status) of updates with a lease that expired, or that a process began to finish, before a time."""
    rows = connection.execute(
        select(updates.c.id, updates.c.status)
        .where(
            or_(
                and_(updates.c.status == Status.RUNNING, updates.c.lease_expires_at <= lease_before),
                and_(updates.c.status == Status.FINISHING, updates.c.ended_at <= finishing_before),
            ),
        )
        .order_by(updates.c.attempts, updates.c.id)
        .limit(limit),
    )
    return [(update_id, Status(status)) for update_id, status in rows]


def has_open(connection: Connection) -> bool:
    """Tell whether any update runs or is being finished."""
    query = select(updates.c.id).where(updates.c.status.in_((Status.RUNNING, Status.FINISHING))).limit(1)
    return connection.execute(query).first() is not None


_UPDATE_COLUMNS = (updates.c.id, updates.c.kind, updates.c.dry_run, updates.c.status, updates.c.outcome, updates.c.version)
_requested = updates.alias("requested")
_WITH_STACK = (
    stack_rows.with_latest_version()
    .add_columns(*(getattr(_requested.c, column.name).label(f"requested_{column.name}") for column in _UPDATE_COLUMNS))
    .join(_requested, and_(_requested.c.stack_id == stacks.c.id, _requested.c.id == bindparam("update_id")))
    .where(stack_rows.IS_NAMED)
)


_DAY_MILLIS = 86_400_000
_DEFAULTS = {"attempts": 0}
_recent = updates.alias("recent")
_RECENT = (
    select(func.count())
    .select_from(_recent)
    .where(
        _recent.c.stack_id == bindparam("new_stack_id"),
        _recent.c.created_at > bindparam("day_before"),
    )
)
_INSERT = insert(updates).from_select(
    [column.name for column in updates.c],
    select(*(bindparam(f"new_{column.name}", type_=column.type) for column in updates.c)).where(
        _RECENT.scalar_subquery() < bindparam("limit")
    ),
    include_defaults=False,
)


def _created(update_id: str, stack: Stack, kind: Kind, program: Program, user_id: str, *, now_millis: int) -> dict[str, object]:
    return {
        "id": update_id,
        "stack_id": stack.id,
        "kind": kind,
        "dry_run": program.dry_run,
        "status": Status.NOT_STARTED,
        "outcome": None,
        "version": None,
        "program": program.text.decode(),
        "requested_by": user_id,
        "origin": "",
        "cli_version": "",
        "created_at": now_millis,
        "after_version": stack.latest.version,
        "journal_version": 0,
        "base_checkpoint": None,
        "checkpoint": None,
        "checkpoint_sequence": 0,
        "state_owner": stack.path.org,
        "state_project": stack.path.project,
        "state_name": stack.path.name,
        "resource_count": 0,
    }


def _running(stack: Stack, run: Run) -> dict[str, object]:
    latest = stack.latest
    return {
        "status": Status.RUNNING,
        "version": run.version,
        "started_at": run.now_millis,
        "lease_expires_at": run.lease_expires_at,
        "after_version": latest.version,
        "journal_version": run.journal_version,
        "base_checkpoint": latest.checkpoint,
        "checkpoint": latest.checkpoint,
        "base_order": latest.resource_order,
        "resource_order": latest.resource_order,
        "state_owner": stack.path.org,
        "state_project": stack.path.project,
        "state_name": stack.path.name,
        "resource_count": latest.resource_count,
        "integrity_error": latest.integrity_error,
        "origin": run.client.origin,
        "cli_version": run.client.cli_version,
        "token_id": run.token_id,
    }


def _from_columns(row: dict[str, object]) -> Update:
    version, outcome = row["version"], row["outcome"]
    return Update(
        id=str(row["id"]),
        kind=Kind(str(row["kind"])),
        dry_run=bool(row["dry_run"]),
        status=Status(str(row["status"])),
        outcome=Outcome(str(outcome)) if outcome is not None else None,
        version=int(str(version)) if version is not None else None,
    )
