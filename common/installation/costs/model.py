"""What an installation used in a month, and the lines of a bill. No I/O."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

HOUR_MILLIS, DAY_MILLIS = 3_600_000, 86_400_000
# So many days are counted, or as many as the installation is old.
COUNTED_DAYS = 30
# A month has 730 hours.
_MONTH_DAYS = 730 / 24
# What an update or a preview is taken as where nothing counts it (docs/costs.md).
REQUESTS_EACH, DATABASE_IO_EACH = 60, 200
GIGABYTE = 1_000_000_000
# Aurora closes connections for five minutes after the last request, and pauses after five more.
_AWAKE_MILLIS = 10 * 60_000
# The hourly jobs run so long after the last request (functions/hosts/schedule.py).
_SETTLED_MILLIS = 65 * 60_000


@dataclass(frozen=True, slots=True)
class Usage:
    """What an installation uses in a month.

    `updates` change a stack, `previews` do not. `busy_seconds` are those with at least one of them at work, `total_seconds` the
    sum over all of them. `awake_hours` is how long a database that pauses would be awake.
    """

    updates: float
    previews: float
    busy_seconds: float
    total_seconds: float
    awake_hours: float
    document_gb: float
    database_gb: float

    @property
    def requests(self) -> float:
        """Return the estimated number of requests."""
        return REQUESTS_EACH * (self.updates + self.previews)

    @property
    def database_io_millions(self) -> float:
        """Return the estimated number of reads and writes of the database's disk, in millions."""
        return DATABASE_IO_EACH * (self.updates + self.previews) / 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a bill in US dollars a month: what it is for, how it is worked out, and from how much to how much it is."""

    what: str
    arithmetic: str
    usd: float
    most_usd: float


@dataclass(frozen=True, slots=True)
class Bill:
    """What a way of running an installation costs in a month. `usage` are the lines that grow with the number of updates."""

    name: str
    standing: tuple[Line, ...]
    usage: tuple[Line, ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        """Return all lines."""
        return self.standing + self.usage

    @property
    def usd(self) -> float:
        """Return the sum."""
        return add_up(self.lines).usd

    @property
    def most_usd(self) -> float:
        """Return the sum where every line is as high as it can be."""
        return add_up(self.lines).most_usd


@dataclass(frozen=True, slots=True)
class Run:
    """When an update or a preview began and ended, in unix milliseconds."""

    is_preview: bool
    began_at: int
    ended_at: int


@dataclass(frozen=True, slots=True)
class Counted:
    """What an installation was used for in some days, and what it keeps; the bytes of documents are from a sample of them."""

    days: float
    runs: tuple[Run, ...]
    event_batches: int
    documents: int
    sampled_documents: int
    document_bytes: int
    database_bytes: int

    @property
    def updates(self) -> int:
        """Return the number of updates that could change a stack."""
        return sum(not run.is_preview for run in self.runs)

    @property
    def previews(self) -> int:
        """Return the number of previews."""
        return sum(run.is_preview for run in self.runs)

    @property
    def usage(self) -> Usage:
        """Return the usage of a month at this rate."""
        months = self.days / _MONTH_DAYS
        return Usage(
            updates=self.updates / months,
            previews=self.previews / months,
            busy_seconds=busy_millis(self.runs) / 1000 / months,
            total_seconds=sum(max(0, run.ended_at - run.began_at) for run in self.runs) / 1000 / months,
            awake_hours=awake_hours(self.runs, self.days) / months,
            document_gb=self.document_bytes / GIGABYTE,
            database_gb=self.database_bytes / GIGABYTE,
        )


def line(what: str, arithmetic: str, usd: float, most_usd: float | None = None) -> Line:
    """Return a line of one amount, or of a range."""
    return Line(what, arithmetic, usd, usd if most_usd is None else most_usd)


def add_up(lines: Iterable[Line]) -> Line:
    """Return a line with the sum of lines."""
    lines = tuple(lines)
    return Line("together", "", sum(item.usd for item in lines), sum(item.most_usd for item in lines))


def busy_millis(runs: Iterable[Run]) -> int:
    """Return how long at least one run was at work."""
    return sum(end - start for start, end in _merged(runs, 0))


def awake_hours(runs: Iterable[Run], days: float) -> float:
    """Return how long a database that pauses would have been awake in so many days, if these runs were all that came.

    It stays awake after a run, and wakes for the hourly jobs after the last one, and once a day.
    """
    spans = _merged(runs, _AWAKE_MILLIS)
    awake = sum(end - start for start, end in spans)
    settled = sum(after[0] - before[1] > _SETTLED_MILLIS - _AWAKE_MILLIS for before, after in pairwise(spans)) + bool(spans)
    return min(days * 24, max((awake + settled * _AWAKE_MILLIS) / HOUR_MILLIS, days * _AWAKE_MILLIS / HOUR_MILLIS))


def _merged(runs: Iterable[Run], after_millis: int) -> list[tuple[int, int]]:
    """Return the spans of time that runs cover, each run longer by some time, in order and apart from each other."""
    spans = list[tuple[int, int]]()
    for run in sorted(runs, key=lambda run: run.began_at):
        end = max(run.began_at, run.ended_at) + after_millis
        if spans and run.began_at <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], end))
        else:
            spans.append((run.began_at, end))
    return spans
