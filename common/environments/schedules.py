"""Schedules of rotations, and the rules for them. No I/O."""

from dataclasses import dataclass, replace
from datetime import datetime

from common.core import cron
from common.core.clock import unix_millis
from common.core.errors import BadRequest
from common.environments.language.syntax import path as paths
from common.environments.model import FAILED, IN_PROGRESS

PATH_LIMIT = 1_024
RESULT_LIMIT = 500
# A rotation ends long before; a run that takes longer has lost its process.
LONGEST_RUN_MILLIS = 10 * 60_000
_LOST = f"{FAILED}: the server stopped before the rotation had ended"


@dataclass(frozen=True, slots=True)
class ScheduleRequest:
    """What a client wants: a cron expression or one moment, and the path of the secrets; None keeps what is there."""

    cron: str | None = None
    once: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the secrets of an environment rotate: by a cron expression, or once. `path` is below `values`, empty for all of them.

    It runs with the rights of the user who saved it last; of a machine with those of its token. Times are unix milliseconds;
    `next_at` is None while it is paused, and when there is no next time.
    """

    id: str
    environment_id: str
    user_id: str
    token_id: str | None
    created_at: int
    modified_at: int
    cron: str = ""
    once_at: int | None = None
    path: str = ""
    paused: bool = False
    next_at: int | None = None
    last_at: int | None = None

    def changed(self, request: ScheduleRequest, now: datetime) -> "Schedule":
        """Return the schedule after a request; BadRequest for a time or a path that it cannot have."""
        schedule = replace(self, modified_at=unix_millis(now))
        if request.path is not None:
            schedule = replace(schedule, path=_path(request.path))
        if request.cron and request.once:
            raise BadRequest("a schedule has either scheduleCron or scheduleOnce, not both")
        if request.cron:
            cron.require_daily(request.cron, now)
            schedule = replace(schedule, cron=request.cron, once_at=None)
        elif request.once:
            schedule = replace(schedule, cron="", once_at=_moment(request.once, now))
        return schedule.planned(now)

    def with_pause(self, now: datetime, *, paused: bool) -> "Schedule":
        """Return the schedule paused or resumed. What was missed while it was paused is not caught up."""
        return replace(self, paused=paused, modified_at=unix_millis(now)).planned(now)

    def planned(self, now: datetime) -> "Schedule":
        """Return the schedule with the next time after now."""
        return replace(self, next_at=None if self.paused else self._next(now))

    def after_run(self, now: datetime) -> "Schedule":
        """Return the schedule after it was due, however often. One with an expression that cannot be read is not due again."""
        try:
            next_time = cron.find_next(self.cron, now) if self.cron else None
        except BadRequest:  # An earlier release took it: it must not hold up the other schedules.
            next_time = None
        return replace(self, last_at=unix_millis(now), next_at=unix_millis(next_time) if next_time is not None else None)

    def _next(self, now: datetime) -> int | None:
        if self.once_at is not None:
            return self.once_at if self.once_at > unix_millis(now) else None
        next_time = cron.find_next(self.cron, now)
        return unix_millis(next_time) if next_time is not None else None


@dataclass(frozen=True, slots=True)
class ScheduledRun:
    """A time at which a schedule was due, and how the rotation ended; the runs of a schedule are numbered."""

    id: str
    schedule_id: str
    environment_id: str
    version: int
    started_at: int
    result: str = IN_PROGRESS

    def result_at(self, now_millis: int) -> str:
        """Return how the run ended; one whose process has ended counts as failed."""
        is_lost = self.result == IN_PROGRESS and self.started_at < now_millis - LONGEST_RUN_MILLIS
        return _LOST if is_lost else self.result


def require_time(request: ScheduleRequest) -> None:
    """Raise BadRequest unless a new schedule has a time."""
    if not request.cron and not request.once:
        raise BadRequest("a schedule needs scheduleCron or scheduleOnce")


def failure(text: str) -> str:
    """Return the result of a run that failed."""
    return f"{FAILED}: {text}"[:RESULT_LIMIT]


def _moment(text: str, now: datetime) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadRequest(f"scheduleOnce {text[:40]!a} is not a time such as 2030-01-31T12:00:00Z")
    if moment <= now:
        raise BadRequest("scheduleOnce must be in the future")
    return unix_millis(moment)


def _path(text: str) -> str:
    try:
        parsed = paths.parse(text) if text else ()
    except ValueError:
        parsed = None
    if parsed is None or len(text) > PATH_LIMIT:
        raise BadRequest(f"environmentPath {text[:200]!a} is not the path of a secret")
    return text
