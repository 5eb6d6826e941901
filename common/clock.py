"""The time, as the rest of the code may ask for it: aware UTC datetimes, and unix seconds for the wire and the database."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time; tests hand in one that stands still."""

    def now(self) -> datetime:
        """Return the present time, aware, in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)


def unix_seconds(moment: datetime) -> int:
    """Return whole seconds since 1970, rounded down."""
    return int(moment.timestamp())


def unix_millis(moment: datetime) -> int:
    """Return whole milliseconds since 1970, the unit of every `_at` column."""
    return int(moment.timestamp() * 1000)


def from_millis(millis: int) -> datetime:
    """Return the moment of an `_at` column."""
    return datetime.fromtimestamp(millis / 1000, UTC)
