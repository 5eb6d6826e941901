"""Drops links, counted tries and sign-ins on their way that are over."""

from common.backend import Backend
from common.core.clock import unix_millis
from common.sign_in import rate_limits
from common.sign_in.accounts.repository import one_time_links
from common.sign_in.external import pending_sign_ins
from common.sign_in.repository import rate_limits as throttle_rows

LIMIT = 500


def forget_expired(backend: Backend) -> int:
    """Drop some rows that are of no use any more, and return how many."""
    # No permission check: the schedule is part of the installation.
    now = unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        done = one_time_links.forget(connection, now, LIMIT)
        done += throttle_rows.forget(connection, now - rate_limits.LONGEST_WINDOW_SECONDS * 1000, LIMIT)
    return done + pending_sign_ins.forget_expired(backend)
