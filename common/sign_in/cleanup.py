"""Deletes links, rate limit windows and pending sign-ins that have expired."""

from common.backend import Backend
from common.core.clock import unix_millis
from common.sign_in import rate_limits
from common.sign_in.accounts.repository import one_time_links
from common.sign_in.external.repository import pending_sign_ins
from common.sign_in.repository import rate_limits as rate_limit_rows

LIMIT = 500


def delete_expired(backend: Backend) -> int:
    """Delete up to LIMIT rows of each kind that have expired, and return how many."""
    # No permission check: a job calls this.
    now_millis = unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        deleted = one_time_links.delete_expired(connection, now_millis, LIMIT)
        deleted += rate_limit_rows.delete_expired(connection, now_millis - rate_limits.LONGEST_WINDOW_SECONDS * 1000, LIMIT)
        deleted += pending_sign_ins.delete_expired(connection, now_millis, LIMIT)
    return deleted
