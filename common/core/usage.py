"""How many things an organization had over time, summed up by hour, day, week, month or year in UTC. No I/O."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from common.core.clock import from_millis, unix_millis
from common.core.errors import BadRequest

_HOUR_MILLIS = 3_600_000
# How long ago a summary may begin (search.md 2).
_DAYS, _HOURLY_DAYS, _DAY_SECONDS = 366, 2, 86_400


@dataclass(frozen=True, slots=True)
class Count:
    """A stack or an environment has this many from a moment on, in unix milliseconds; counts of one come in order of time."""

    owner_id: str
    at: int
    count: int


class Granularity(StrEnum):
    """How long a period is. Upstream: UsageSummaryTimeUnit."""

    YEARLY = "yearly"
    MONTHLY = "monthly"
    WEEKLY = "weekly"
    DAILY = "daily"
    HOURLY = "hourly"


@dataclass(frozen=True, slots=True)
class Period:
    """A period of time: how many there were at its end, and their hours: an hour of one of them is one."""

    begin: datetime
    count: int
    hours: int


def get_start(now: datetime, granularity: Granularity, *, days: int | None, start_seconds: int | None) -> datetime:
    """Return when a summary begins, some days ago or at a moment in unix seconds.

    BadRequest unless exactly one of the two is there, and for more periods than there can be.
    """
    if (days is None) == (start_seconds is None):
        raise BadRequest("give one of `lookbackDays` and `lookbackStart`")
    seconds = days * _DAY_SECONDS if days is not None else now.timestamp() - (start_seconds or 0)
    limit = _HOURLY_DAYS if granularity is Granularity.HOURLY else _DAYS
    if not 0 <= seconds <= limit * _DAY_SECONDS:
        raise BadRequest(f"a {granularity} summary begins at most {limit} days ago")
    return now - timedelta(seconds=seconds)


def sum_up(counts: Iterable[Count], start: datetime, end: datetime, granularity: Granularity) -> list[Period]:
    """Return the periods from a start to an end, the first and the last cut there; none when there was nothing at all."""
    first = unix_millis(start)
    total, steps = 0, defaultdict[int, int](int)
    before: dict[str, int] = {}
    for item in counts:
        change = item.count - before.get(item.owner_id, 0)
        before[item.owner_id] = item.count
        if item.at < first:
            total += change
        else:
            steps[item.at] += change
    if not before:
        return []
    periods, pending = [], iter(sorted(steps.items()))
    step = next(pending, None)
    for begin, finish in pairwise(map(unix_millis, _bounds(start, end, granularity))):
        hours, moment = 0, begin
        while step is not None and step[0] < finish:
            hours += total * (step[0] - moment)
            total, moment = total + step[1], step[0]
            step = next(pending, None)
        hours += total * (finish - moment)
        periods.append(Period(from_millis(begin), total, round(hours / _HOUR_MILLIS)))
    return periods


def _bounds(start: datetime, end: datetime, granularity: Granularity) -> Iterator[datetime]:
    moment = start
    while moment < end:
        yield moment
        moment = _NEXT[granularity](moment)
    yield end


def _next_month(moment: datetime) -> datetime:
    return datetime(moment.year + moment.month // 12, moment.month % 12 + 1, 1, tzinfo=UTC)


def _day(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


_NEXT: dict[Granularity, Callable[[datetime], datetime]] = {
    Granularity.YEARLY: lambda moment: datetime(moment.year + 1, 1, 1, tzinfo=UTC),
    Granularity.MONTHLY: _next_month,
    Granularity.WEEKLY: lambda moment: _day(moment) + timedelta(days=7 - moment.weekday()),
    Granularity.DAILY: lambda moment: _day(moment) + timedelta(days=1),
    Granularity.HOURLY: lambda moment: moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1),
}
