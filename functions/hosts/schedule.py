"""Keeps outside the database when jobs are due, so that a database that pauses is not woken while there is nothing to do.

It is kept in the names of empty objects in the store, and no object is written twice:

- `schedule/active/<until>-<id>`: a process serves requests, and all that it writes is in the database before that time;
- `schedule/run/<at>-<next>`: jobs ran at one time, and found that nothing is due before the other.

Jobs run while processes are active and once after that, at the time that the last run stored, an hour after the last activity for
hourly jobs, and once a day. Times are unix milliseconds of 15 digits, so that names are in the order of time.
"""

from dataclasses import dataclass

from common.core.ids import new_id
from common.ports.blobs import Bucket

PREFIX = "schedule/"
_ACTIVE, _RUN = f"{PREFIX}active/", f"{PREFIX}run/"
# A process stores this often that it is active. What it does ends within the reserve, which also covers clocks that differ.
MARK_MILLIS, RESERVE_MILLIS = 60_000, 120_000
# Hourly jobs and hourly exports find everything that the last activity made when they run this long after it.
SETTLED_MILLIS = 65 * 60_000
LONGEST_MILLIS = 24 * 3_600_000
_LISTED = 1000


@dataclass(frozen=True, slots=True)
class Schedule:
    """What the store has: until when processes are active, when jobs ran last, and when that run said that they are due next."""

    active_until: int = 0
    ran_at: int = 0
    next_at: int = 0
    keys: tuple[str, ...] = ()

    def is_due(self, now_millis: int) -> bool:
        """Tell whether jobs must look into the database."""
        # A run that is said to be in the future is from a process with a wrong clock.
        return now_millis >= self.next_at or self.ran_at <= self.active_until or now_millis < self.ran_at

    def next_after(self, now_millis: int, due_at: int | None) -> int:
        """Return when jobs must look again after a run that found something due at a time, or nothing."""
        settled_at = self.active_until + SETTLED_MILLIS
        times = [due_at, settled_at if now_millis < settled_at else None, now_millis + LONGEST_MILLIS]
        return max(now_millis, min(time for time in times if time is not None))


def mark_active(store: Bucket, now_millis: int) -> None:
    """Store that this process serves requests; jobs see it within a minute."""
    store.put(f"{_ACTIVE}{now_millis + MARK_MILLIS + RESERVE_MILLIS:015d}-{new_id()}", b"{}")


def load(store: Bucket) -> Schedule:
    """Return what the store says now."""
    keys = tuple(key for key, _written_at in store.page(PREFIX, "", _LISTED))
    active = [int(key.removeprefix(_ACTIVE)[:15]) for key in keys if key.startswith(_ACTIVE)]
    runs = sorted(key.removeprefix(_RUN) for key in keys if key.startswith(_RUN))
    ran_at, next_at = (int(part) for part in runs[-1].split("-")) if runs else (0, 0)
    return Schedule(max(active, default=0), ran_at, next_at, keys)


def store_run(store: Bucket, schedule: Schedule, ran_at: int, next_at: int) -> None:
    """Store that jobs ran, and remove what it replaces; the newest activity stays, for the run an hour after it."""
    run = f"{_RUN}{ran_at:015d}-{next_at:015d}"
    store.put(run, b"{}")
    newest = f"{_ACTIVE}{schedule.active_until:015d}"
    # Runs that were seen are over, also if a wrong clock put them in the future.
    runs = [key for key in schedule.keys if key.startswith(_RUN) and key != run]
    seen = [key for key in schedule.keys if key.startswith(_ACTIVE) and key < f"{_ACTIVE}{ran_at:015d}"]
    store.delete([*runs, *(key for key in seen if not key.startswith(newest))])
