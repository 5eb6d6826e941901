"""Forgets refresh tokens that have expired; the access tokens of machines are forgotten by common/access."""

from common.backend import Backend
from common.core.clock import unix_millis
from common.sign_in.workload_identity.repository import refresh_tokens

BATCH = 500


def forget_expired(backend: Backend) -> int:
    """Delete some refresh tokens that have expired, and return how many."""
    # No permission check: a job calls this.
    with backend.db.connect() as connection:
        found = refresh_tokens.find_expired(connection, unix_millis(backend.clock.now()), BATCH)
        if found:
            refresh_tokens.remove(connection, found)
    return len(found)
