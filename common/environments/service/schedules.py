"""Use cases for the schedules of rotations, and the job that runs them."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from common.access import delegation
from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BackendError, BadRequest, NotFound
from common.core.ids import is_id, new_id
from common.db.retry import retry
from common.environments import events, steps
from common.environments.events import EnvironmentEvent, EventName
from common.environments.model import SUCCEEDED, Environment, EnvironmentPath
from common.environments.repository import schedules as repository
from common.environments.repository.schedules import DueSchedule
from common.environments.schedules import Schedule, ScheduledRun, ScheduleRequest, failure, require_time
from common.environments.service import rotation
from common.rights.caller import Caller
from common.rights.permissions import Permission

_LOG = logging.getLogger("stackhold.environments")
SCHEDULES_LIMIT = 20
_NO_CALLER = "the user who saved the schedule is no longer a member, or their token is not valid; save the schedule again"


@dataclass(frozen=True, slots=True)
class _Change:
    """A kind of change: its word in the audit log, the permission that it needs, and its event."""

    verb: str
    permission: Permission
    event: Event


def list_schedules(backend: Backend, caller: Caller, path: EnvironmentPath) -> tuple[Environment, list[Schedule]]:
    """Return the schedules of an environment, the oldest first, with the environment."""
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_SCHEDULE_READ)
    with backend.db.connect() as connection:
        return environment, repository.list_all(connection, environment.id)


def get_schedule(backend: Backend, caller: Caller, path: EnvironmentPath, schedule_id: str) -> tuple[Environment, Schedule]:
    """Return a schedule with its environment; NotFound if the environment has none of that id."""
    with backend.db.connect() as connection:
        return _load(connection, caller, path, Permission.ENVIRONMENT_SCHEDULE_READ, schedule_id)


def list_runs(backend: Backend, caller: Caller, path: EnvironmentPath, schedule_id: str) -> list[ScheduledRun]:
    """Return the newest runs of a schedule, the newest first."""
    now_millis = unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        _, schedule = _load(connection, caller, path, Permission.ENVIRONMENT_SCHEDULE_READ, schedule_id)
        return [replace(run, result=run.result_at(now_millis)) for run in repository.list_runs(connection, schedule.id)]


def create(backend: Backend, caller: Caller, path: EnvironmentPath, request: ScheduleRequest) -> tuple[Environment, Schedule]:
    """Create a schedule that runs with the rights of the caller; BadRequest for a time that it cannot have."""
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_SCHEDULE_CREATE)
    require_time(request)
    now = backend.clock.now()
    made_at, token_id = unix_millis(now), delegation.token_of(caller)
    schedule = Schedule(new_id(), environment.id, caller.user_id, token_id, made_at, made_at).changed(request, now)

    def record() -> None:
        with backend.db.begin() as tx:
            if repository.count(tx, environment.id) >= SCHEDULES_LIMIT:
                raise BadRequest(f"environment {path.in_org} has {SCHEDULES_LIMIT} schedules, which is the limit")
            repository.add(tx, schedule)
            description = f"Scheduled rotations of environment {path}"
            audit.record(tx, backend, caller, environment.org_id, Event.ENVIRONMENT_SCHEDULE_CREATED, description=description)

    retry(record)
    return environment, schedule


def update(
    backend: Backend, caller: Caller, path: EnvironmentPath, schedule_id: str, request: ScheduleRequest
) -> tuple[Environment, Schedule]:
    """Change a schedule, which then runs with the rights of the caller; what the request leaves out is kept."""
    now, token_id = backend.clock.now(), delegation.token_of(caller)
    change = _Change("Changed", Permission.ENVIRONMENT_SCHEDULE_UPDATE, Event.ENVIRONMENT_SCHEDULE_UPDATED)

    def changed(schedule: Schedule) -> Schedule:
        return replace(schedule.changed(request, now), user_id=caller.user_id, token_id=token_id)

    return _change(backend, caller, path, schedule_id, change, changed)


def pause(backend: Backend, caller: Caller, path: EnvironmentPath, schedule_id: str) -> None:
    """Let a schedule begin nothing until it is resumed."""
    now = backend.clock.now()
    change = _Change("Paused", Permission.ENVIRONMENT_SCHEDULE_PAUSE, Event.ENVIRONMENT_SCHEDULE_PAUSED)
    _change(backend, caller, path, schedule_id, change, lambda schedule: schedule.with_pause(now, paused=True))


def resume(backend: Backend, caller: Caller, path: EnvironmentPath, schedule_id: str) -> None:
    """Let a paused schedule go on with its next time."""
    now = backend.clock.now()
    change = _Change("Resumed", Permission.ENVIRONMENT_SCHEDULE_RESUME, Event.ENVIRONMENT_SCHEDULE_RESUMED)
    _change(backend, caller, path, schedule_id, change, lambda schedule: schedule.with_pause(now, paused=False))


def delete(backend: Backend, caller: Caller, path: EnvironmentPath, schedule_id: str) -> None:
    """Delete a schedule with its history; nothing happens if it does not exist."""
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_SCHEDULE_DELETE)

    def record() -> None:
        with backend.db.begin() as tx:
            if is_id(schedule_id) and repository.remove(tx, environment.id, schedule_id):
                description = f"Deleted a schedule of rotations of environment {path}"
                audit.record(tx, backend, caller, environment.org_id, Event.ENVIRONMENT_SCHEDULE_DELETED, description=description)

    retry(record)


def run_next_due(backend: Backend) -> int:
    """Rotate the secrets of the schedule that has been due for the longest, and return 1; 0 if none is due.

    A time that passed while no server ran is caught up once. A schedule is moved to its next time before its secrets rotate, so
    that no other process rotates them as well; if the process ends in between, the run counts as failed.
    """
    # No permission check: the rotation is decided by the rights of the user who saved the schedule.
    now = backend.clock.now()
    with backend.db.connect() as connection:
        due = repository.find_due(connection, unix_millis(now))
    if due is None:
        return 0
    run = retry(lambda: _begin(backend, due))
    if run is not None:
        problem = _rotate(backend, due, run)
        if problem:
            retry(lambda: _fail(backend, due, run, problem))
    return 1


def next_due_at(backend: Backend) -> int | None:
    """Return when the next rotation is due, in unix milliseconds, or None if there is no schedule."""
    # No permission check: the schedule is part of the installation.
    with backend.db.connect() as connection:
        return repository.find_next_due(connection)


def _begin(backend: Backend, due: DueSchedule) -> ScheduledRun | None:
    now = backend.clock.now()
    with backend.db.begin() as tx:
        return repository.begin_run(tx, due.schedule, due.schedule.after_run(now), unix_millis(now))


def _fail(backend: Backend, due: DueSchedule, run: ScheduledRun, problem: str) -> None:
    path = due.path
    event = EnvironmentEvent(
        name=EventName.ROTATION_FAILED,
        environment_id=run.environment_id,
        org_id=due.org_id,
        org=path.org,
        project=path.project,
        environment=path.name,
        user_id=due.schedule.user_id,
        error=problem,
    )
    with backend.db.begin() as tx:
        repository.end_run(tx, run, failure(problem))
        events.queue_event(tx, backend, event)


def _rotate(backend: Backend, due: DueSchedule, run: ScheduledRun) -> str:
    """Rotate, and return why that ended early, or "". No error is raised, so that other schedules are not held up."""
    schedule = due.schedule
    try:
        with backend.db.connect() as connection:
            caller = delegation.find_caller(connection, due.org_id, schedule.user_id, schedule.token_id, backend.clock.now())
        if caller is None:
            return _NO_CALLER
        wanted = [schedule.path] if schedule.path else []
        record = rotation.rotate(backend, caller, due.path, wanted, schedule_id=schedule.id).record
    except BackendError as error:
        return error.detail
    except Exception:  # noqa: BLE001 - an error of one rotation does not hold up the others
        _LOG.exception("a scheduled rotation of environment %s failed", due.path)
        return "an internal error"
    result = SUCCEEDED if record.status == SUCCEEDED else failure(record.error)
    retry(lambda: _end(backend, run, result))
    return ""


def _end(backend: Backend, run: ScheduledRun, result: str) -> None:
    with backend.db.begin() as tx:
        repository.end_run(tx, run, result)


def _change(  # noqa: PLR0917 - what a change consists of
    backend: Backend,
    caller: Caller,
    path: EnvironmentPath,
    schedule_id: str,
    change: _Change,
    changed: Callable[[Schedule], Schedule],
) -> tuple[Environment, Schedule]:
    def record() -> tuple[Environment, Schedule]:
        with backend.db.begin() as tx:
            environment, schedule = _load(tx, caller, path, change.permission, schedule_id)
            after = changed(schedule)
            if not repository.replace(tx, after):
                raise _missing(path, schedule_id)
            description = f"{change.verb} a schedule of rotations of environment {path}"
            audit.record(tx, backend, caller, environment.org_id, change.event, description=description)
            return environment, after

    return retry(record)


def _load(
    connection: Connection, caller: Caller, path: EnvironmentPath, permission: Permission, schedule_id: str
) -> tuple[Environment, Schedule]:
    environment = steps.load(connection, caller, path, permission)
    schedule = repository.find(connection, environment.id, schedule_id) if is_id(schedule_id) else None
    if schedule is None:
        raise _missing(path, schedule_id)
    return environment, schedule


def _missing(path: EnvironmentPath, schedule_id: str) -> NotFound:
    return NotFound(f"schedule {schedule_id[:100]!a} of environment {path.in_org} not found")
