"""Rows of schedules and their runs."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from common.core.ids import new_id
from common.db.tables.environments import environment_schedule_runs as runs
from common.db.tables.environments import environment_schedules as schedules
from common.db.tables.environments import environments
from common.db.tables.people import organizations
from common.environments.model import EnvironmentPath
from common.environments.schedules import Schedule, ScheduledRun

# So many runs of a schedule are kept.
RUNS_LIMIT = 100


@dataclass(frozen=True, slots=True)
class DueSchedule:
    """A schedule that is due, with its environment."""

    schedule: Schedule
    org_id: str
    path: EnvironmentPath


def add(tx: Connection, schedule: Schedule) -> None:
    """Insert a schedule."""
    own = {"id": schedule.id, "environment_id": schedule.environment_id, "created_at": schedule.created_at}
    tx.execute(insert(schedules).values(**own, **_columns(schedule), last_at=None, runs=0))


def replace(tx: Connection, schedule: Schedule) -> bool:
    """Replace what a client can change of a schedule; False if it was deleted."""
    return tx.execute(update(schedules).values(**_columns(schedule)).where(schedules.c.id == schedule.id)).rowcount == 1


def remove(tx: Connection, environment_id: str, schedule_id: str) -> bool:
    """Delete a schedule with its runs; False if it does not exist."""
    is_it = (schedules.c.id == schedule_id, schedules.c.environment_id == environment_id)
    if tx.execute(delete(schedules).where(*is_it)).rowcount != 1:
        return False
    tx.execute(delete(runs).where(runs.c.schedule_id == schedule_id))
    return True


def count(tx: Connection, environment_id: str) -> int:
    """Return how many schedules an environment has."""
    return tx.scalar(select(func.count()).select_from(schedules).where(schedules.c.environment_id == environment_id)) or 0


def list_all(connection: Connection, environment_id: str) -> list[Schedule]:
    """Return the schedules of an environment, the oldest first."""
    query = select(schedules).where(schedules.c.environment_id == environment_id).order_by(schedules.c.created_at, schedules.c.id)
    return [_to_schedule(row) for row in connection.execute(query)]


def find(connection: Connection, environment_id: str, schedule_id: str) -> Schedule | None:
    """Return a schedule of an environment, or None."""
    is_it = (schedules.c.id == schedule_id, schedules.c.environment_id == environment_id)
    row = connection.execute(select(schedules).where(*is_it)).one_or_none()
    return _to_schedule(row) if row is not None else None


def find_due(connection: Connection, now_millis: int) -> DueSchedule | None:
    """Return the schedule of a live environment that has been due for the longest, or None."""
    query = (
        select(schedules, environments.c.org_id, environments.c.project, environments.c.name, organizations.c.login)
        .join(environments, environments.c.id == schedules.c.environment_id)
        .join(organizations, organizations.c.id == environments.c.org_id)
        .where(schedules.c.next_at <= now_millis, environments.c.live == 1)
        .order_by(schedules.c.next_at, schedules.c.id)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return DueSchedule(_to_schedule(row), row.org_id, EnvironmentPath(row.login, row.project, row.name)) if row else None


def find_next_due(connection: Connection) -> int | None:
    """Return when the next schedule of a live environment is due, or None if there is no schedule."""
    query = select(func.min(schedules.c.next_at)).join(environments, environments.c.id == schedules.c.environment_id)
    due_at: int | None = connection.scalar(query.where(environments.c.live == 1))
    return due_at


def begin_run(tx: Connection, schedule: Schedule, after: Schedule, now_millis: int) -> ScheduledRun | None:
    """Move a schedule that is due to its next time, and insert the run; None if another process was first, or it has changed."""
    as_read = (schedules.c.id == schedule.id, schedules.c.next_at == schedule.next_at)
    change = update(schedules).values(next_at=after.next_at, last_at=after.last_at, runs=schedules.c.runs + 1)
    if tx.execute(change.where(*as_read)).rowcount != 1:
        return None
    version = tx.scalar(select(schedules.c.runs).where(schedules.c.id == schedule.id)) or 0
    run = ScheduledRun(new_id(), schedule.id, schedule.environment_id, version, now_millis)
    tx.execute(delete(runs).where(runs.c.schedule_id == schedule.id, runs.c.version <= version - RUNS_LIMIT))
    tx.execute(
        insert(runs).values(
            schedule_id=run.schedule_id,
            version=run.version,
            id=run.id,
            environment_id=run.environment_id,
            started_at=run.started_at,
            result=run.result,
        )
    )
    return run


def end_run(tx: Connection, run: ScheduledRun, result: str) -> None:
    """Store how a run ended."""
    tx.execute(update(runs).values(result=result).where(runs.c.schedule_id == run.schedule_id, runs.c.version == run.version))


def list_runs(connection: Connection, schedule_id: str) -> list[ScheduledRun]:
    """Return the runs of a schedule, the newest first."""
    query = select(runs).where(runs.c.schedule_id == schedule_id).order_by(runs.c.version.desc())
    return [
        ScheduledRun(row.id, row.schedule_id, row.environment_id, row.version, row.started_at, row.result)
        for row in connection.execute(query)
    ]


def _columns(schedule: Schedule) -> dict[str, object]:
    return {
        "user_id": schedule.user_id,
        "token_id": schedule.token_id,
        "cron": schedule.cron,
        "once_at": schedule.once_at,
        "path": schedule.path,
        "paused": schedule.paused,
        "next_at": schedule.next_at,
        "modified_at": schedule.modified_at,
    }


def _to_schedule(row: Row[Any]) -> Schedule:
    return Schedule(
        id=row.id,
        environment_id=row.environment_id,
        user_id=row.user_id,
        token_id=row.token_id,
        created_at=row.created_at,
        modified_at=row.modified_at,
        cron=row.cron,
        once_at=row.once_at,
        path=row.path,
        paused=bool(row.paused),
        next_at=row.next_at,
        last_at=row.last_at,
    )
