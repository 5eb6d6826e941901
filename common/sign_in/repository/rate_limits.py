"""Rows of what is counted: how often something was tried in a window of time."""

from collections.abc import Sequence

from sqlalchemy import Connection, case, delete, insert, or_, select, update

from common.db.tables.sign_in import throttles


def count(connection: Connection, throttle_id: str, *, now_millis: int, window_millis: int, tries: int) -> bool:
    """Count a try in a window that is there, or in a new one once that is over; False when it is full, or there is none."""
    is_over = throttles.c.window_at <= now_millis - window_millis
    change = (
        update(throttles)
        .where(throttles.c.id == throttle_id, or_(is_over, throttles.c.tries < tries))
        # In this order: MySQL gives each column its new value before it looks at the next.
        .ordered_values(
            (throttles.c.tries, case((is_over, 1), else_=throttles.c.tries + 1)),
            (throttles.c.window_at, case((is_over, now_millis), else_=throttles.c.window_at)),
        )
    )
    return connection.execute(change).rowcount == 1


def add(connection: Connection, throttle_id: str, now_millis: int) -> None:
    """Insert the first try; IntegrityError when there is a window."""
    connection.execute(insert(throttles).values(id=throttle_id, window_at=now_millis, tries=1))


def find_window(connection: Connection, throttle_id: str) -> int | None:
    """Return when the window began, in unix milliseconds, or None."""
    found: int | None = connection.scalar(select(throttles.c.window_at).where(throttles.c.id == throttle_id))
    return found


def give_back(connection: Connection, throttle_ids: Sequence[str]) -> None:
    """Take one try back from each."""
    chosen = (throttles.c.id.in_(throttle_ids), throttles.c.tries > 0)
    connection.execute(update(throttles).values(tries=throttles.c.tries - 1).where(*chosen))


def forget(connection: Connection, before_millis: int, limit: int) -> int:
    """Delete some windows that began before a moment; return how many."""
    query = select(throttles.c.id).where(throttles.c.window_at < before_millis).order_by(throttles.c.window_at).limit(limit)
    chosen = list(connection.scalars(query))
    if chosen:
        connection.execute(delete(throttles).where(throttles.c.id.in_(chosen), throttles.c.window_at < before_millis))
    return len(chosen)
