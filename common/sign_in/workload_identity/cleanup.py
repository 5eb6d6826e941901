"""Deletes refresh tokens that have expired; common/access deletes the access tokens of machines."""

from common.backend import Backend
from common.core.clock import unix_millis
from common.sign_in.workload_identity.repository import refresh_tokens

LIMIT = 500


def delete_expired(backend: Backend) -> int:
    """Delete up to LIMIT refresh tokens that have expired, and return how many."""
    # No permission check: a job calls this.
    with backend.db.connect() as connection:
        hashes = refresh_tokens.find_expired(connection, unix_millis(backend.clock.now()), LIMIT)
        if hashes:
            refresh_tokens.delete_tokens(connection, hashes)
    return len(hashes)
