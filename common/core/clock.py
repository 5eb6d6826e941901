"""The time, as the rest of the code may ask for it: aware UTC datetimes, and unix seconds for the wire and the database."""

from collections.abc import Mapping
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


def clock_problem(claims: Mapping[str, object], now: datetime, skew_seconds: int) -> str:
    """Return what is wrong with the times of a signed token, with by how much two clocks differ, or an empty text."""
    seconds = unix_seconds(now)
    for claim in ("iat", "nbf"):
        moment = claims.get(claim)
        if isinstance(moment, int | float) and moment > seconds + skew_seconds:
            return (
                f"it was issued {moment - seconds:.0f} seconds ahead of this server's clock, which says {now:%Y-%m-%dT%H:%M:%SZ}:"
                " the issuer's clock is fast, or this server's is slow"
            )
    moment = claims.get("exp")
    if isinstance(moment, int | float) and moment <= seconds - skew_seconds:
        return (
            f"it has expired, {seconds - moment:.0f} seconds ago by this server's clock, which says {now:%Y-%m-%dT%H:%M:%SZ}:"
            " if it is fresh, the issuer's clock is slow, or this server's is fast"
        )
    return ""
