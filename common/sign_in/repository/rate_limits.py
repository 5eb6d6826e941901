"""Rows of rate limits: how many tries there were in a window of time."""

from collections.abc import Sequence

from sqlalchemy import Connection, case, delete, insert, or_, select, update

from common.db.tables.sign_in import throttles


def increment(connection: Connection, throttle_id: str, *, now_millis: int, window_millis: int, tries: int) -> bool:
    """Count a try in an existing window, or restart one that has ended; False if the window is full or does not exist."""
    has_ended = throttles.c.window_at <= now_millis - window_millis
    change = (
        update(throttles)
        .where(throttles.c.id == throttle_id, or_(has_ended, throttles.c.tries < tries))
        # In this order: MySQL gives each column its new value before it looks at the next.
        .ordered_values(
            (throttles.c.tries, case((has_ended, 1), else_=throttles.c.tries + 1)),
            (throttles.c.window_at, case((has_ended, now_millis), else_=throttles.c.window_at)),
        )
    )
    return connection.execute(change).rowcount == 1


def create(connection: Connection, throttle_id: str, now_millis: int) -> None:
    """Insert a window with its first try; IntegrityError if there is a window."""
    connection.execute(insert(throttles).values(id=throttle_id, window_at=now_millis, tries=1))


def find_window(connection: Connection, throttle_id: str) -> int | None:
    """Return when the window started, in unix milliseconds, or None."""
    started_at: int | None = connection.scalar(select(throttles.c.window_at).where(throttles.c.id == throttle_id))
    return started_at


def decrement(connection: Connection, throttle_ids: Sequence[str]) -> None:
    """Uncount one try of each."""
    conditions = (throttles.c.id.in_(throttle_ids), throttles.c.tries > 0)
    connection.execute(update(throttles).values(tries=throttles.c.tries - 1).where(*conditions))


def delete_expired(connection: Connection, before_millis: int, limit: int) -> int:
    """Delete up to `limit` windows that started before a time; return how many."""
    query = select(throttles.c.id).where(throttles.c.window_at < before_millis).order_by(throttles.c.window_at).limit(limit)
    ids = list(connection.scalars(query))
    if ids:
        connection.execute(delete(throttles).where(throttles.c.id.in_(ids), throttles.c.window_at < before_millis))
    return len(ids)
