"""Drops links, counted tries and sign-ins on their way that are over."""

from common.backend import Backend
from common.clock import unix_millis
from common.identity import flows, link_rows, throttle, throttle_rows

LIMIT = 500


def forget_expired(backend: Backend) -> int:
    """Drop some rows that are of no use any more, and return how many."""
    # No permission check: the schedule is part of the installation.
    now = unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        done = link_rows.forget(connection, now, LIMIT)
        done += throttle_rows.forget(connection, now - throttle.LONGEST_WINDOW_SECONDS * 1000, LIMIT)
    return done + flows.forget_expired(backend)
