"""Schedules of rotations."""

from fastapi import APIRouter, Response
from msgspec import UNSET

from common.environments.schedules import Schedule, ScheduleRequest
from common.environments.service import schedules
from common.wire import environments as wire
from functions.api.environments.shapes import EnvironmentPathDep, time
from functions.http.bodies import Body, BodyDep
from functions.http.deps import BackendDep, CallerDep, empty, reply

router = APIRouter()
_SCHEDULES = "/api/esc/environments/{org}/{project}/{environment}/schedules"
_SCHEDULE = f"{_SCHEDULES}/{{schedule_id}}"
_KIND = "environment_rotation"


@router.get(_SCHEDULES)
def list_environment_schedule(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep) -> Response:
    environment, rows = schedules.list_schedules(backend, caller, path)
    return reply(wire.ListScheduledActionsResponse([_action(environment.org_id, row) for row in rows]))


@router.post(_SCHEDULES)
def create_environment_schedule(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, body: BodyDep) -> Response:
    environment, schedule = schedules.create(backend, caller, path, _request(body))
    return reply(_action(environment.org_id, schedule))


@router.get(_SCHEDULE)
def read_environment_schedule(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, schedule_id: str) -> Response:
    environment, schedule = schedules.get_schedule(backend, caller, path, schedule_id)
    return reply(_action(environment.org_id, schedule))


# The Pulumi Service provider sends POST (platform.md 17).
@router.patch(_SCHEDULE)
@router.post(_SCHEDULE)
def update_environment_schedule(
    backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, schedule_id: str, body: BodyDep
) -> Response:
    environment, schedule = schedules.update(backend, caller, path, schedule_id, _request(body))
    return reply(_action(environment.org_id, schedule))


@router.delete(_SCHEDULE)
def delete_environment_schedule(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, schedule_id: str) -> Response:
    schedules.delete(backend, caller, path, schedule_id)
    return empty(200)


@router.post(f"{_SCHEDULE}/pause")
def pause_environment_schedule(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, schedule_id: str) -> Response:
    schedules.pause(backend, caller, path, schedule_id)
    return empty(200)


@router.post(f"{_SCHEDULE}/resume")
def resume_environment_schedule(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, schedule_id: str) -> Response:
    schedules.resume(backend, caller, path, schedule_id)
    return empty(200)


@router.get(f"{_SCHEDULE}/history")
def list_environment_schedule_history(
    backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, schedule_id: str
) -> Response:
    runs = schedules.list_runs(backend, caller, path, schedule_id)
    events = [
        wire.ScheduledActionHistoryEvent(run.id, run.schedule_id, time(run.started_at), run.version, run.result) for run in runs
    ]
    return reply(wire.ListScheduledActionHistoryResponse(events))


def _request(body: Body) -> ScheduleRequest:
    sent = body.decode(wire.CreateEnvironmentScheduleRequest)
    rotation = sent.secret_rotation_request
    return ScheduleRequest(sent.schedule_cron, sent.schedule_once, rotation.environment_path if rotation is not None else None)


def _action(org_id: str, schedule: Schedule) -> wire.ScheduledAction:
    return wire.ScheduledAction(
        id=schedule.id,
        org_id=org_id,
        kind=_KIND,
        paused=schedule.paused,
        created=time(schedule.created_at),
        modified=time(schedule.modified_at),
        last_executed=time(schedule.last_at) if schedule.last_at is not None else "",
        next_execution=time(schedule.next_at) if schedule.next_at is not None else "",
        definition=wire.ScheduleDefinition(schedule.path),
        schedule_cron=schedule.cron or UNSET,
        schedule_once=time(schedule.once_at) if schedule.once_at is not None else UNSET,
    )
