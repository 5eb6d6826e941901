"""Forgets refresh tokens that have expired; the access tokens of machines are forgotten by common/access."""

from common.backend import Backend
from common.clock import unix_millis
from common.issuers import refresh_rows

BATCH = 500


def forget_expired(backend: Backend) -> int:
    """Delete some refresh tokens that have expired, and return how many."""
    # No permission check: a job calls this.
    with backend.db.connect() as connection:
        found = refresh_rows.find_expired(connection, unix_millis(backend.clock.now()), BATCH)
        if found:
            refresh_rows.remove(connection, found)
    return len(found)
