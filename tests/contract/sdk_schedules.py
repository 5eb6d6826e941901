"""Scenes of schedules of environments."""

from datetime import UTC, datetime

from pulumi_cloud_sdk import models

from tests.contract.sdk_environments import make
from tests.contract.sdk_scene import Scene, refused, scene


def schedule(where: Scene) -> tuple[tuple[str, str, str], str]:
    """Schedule rotations of a new environment, and return it with the id of the schedule."""
    at = make(where, "values: {pw: {fn::rotate::password: {inputs: {}}}}\n")
    request = models.CreateEnvironmentScheduleRequest(
        "0 5 * * 1", None, models.CreateEnvironmentSecretRotationScheduleRequest("pw")
    )
    return at, where.admin.environments.create_environment_schedule(*at, request).id


@scene
def create_environment_schedule(where: Scene) -> None:
    """A schedule tells what it does and when; it rotates at most daily."""
    at, schedule_id = schedule(where)
    (found,) = where.admin.environments.list_environment_schedule(*at).schedules

    assert (schedule_id, "0 5 * * 1", False, {"environmentPath": "pw"}) == (
        found.id,
        found.schedule_cron,
        found.paused,
        found.definition,
    )
    with refused(400):
        where.admin.environments.create_environment_schedule(*at, models.CreateEnvironmentScheduleRequest("* * * * *"))


@scene
def list_environment_schedule(where: Scene) -> None:
    """An environment has no schedules to begin with."""
    assert [] == where.admin.environments.list_environment_schedule(*make(where)).schedules


@scene
def read_environment_schedule(where: Scene) -> None:
    """A schedule is read by its id."""
    at, schedule_id = schedule(where)

    assert "environment_rotation" == where.admin.environments.read_environment_schedule(*at, schedule_id).kind.value


@scene
def update_environment_schedule(where: Scene) -> None:
    """A schedule gets another time, and keeps its path."""
    at, schedule_id = schedule(where)
    moment = datetime(2999, 1, 1, tzinfo=UTC)
    changed = where.admin.environments.update_environment_schedule(
        *at, schedule_id, models.CreateEnvironmentScheduleRequest(None, moment)
    )

    assert ("2999-01-01T00:00:00.000Z", "pw") == (changed.schedule_once, changed.definition["environmentPath"])


@scene
def pause_environment_schedule(where: Scene) -> None:
    """A paused schedule says so."""
    at, schedule_id = schedule(where)
    where.admin.environments.pause_environment_schedule(*at, schedule_id)

    assert where.admin.environments.read_environment_schedule(*at, schedule_id).paused


@scene
def resume_environment_schedule(where: Scene) -> None:
    """A resumed schedule goes on."""
    at, schedule_id = schedule(where)
    where.admin.environments.pause_environment_schedule(*at, schedule_id)
    where.admin.environments.resume_environment_schedule(*at, schedule_id)

    assert where.admin.environments.read_environment_schedule(*at, schedule_id).next_execution


@scene
def list_environment_schedule_history(where: Scene) -> None:
    """A new schedule has no history."""
    at, schedule_id = schedule(where)

    assert [] == where.admin.environments.list_environment_schedule_history(*at, schedule_id).schedule_history_events


@scene
def delete_environment_schedule(where: Scene) -> None:
    """A schedule that was deleted is gone."""
    at, schedule_id = schedule(where)
    where.admin.environments.delete_environment_schedule(*at, schedule_id)

    with refused(404):
        where.admin.environments.read_environment_schedule(*at, schedule_id)
