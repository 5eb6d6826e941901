"""Deletes expired sessions and expired tokens that were exchanged for identity tokens: neither is listed."""

from datetime import timedelta

from common.access.repository import tokens
from common.backend import Backend
from common.core.clock import unix_millis

KEPT_FOR = timedelta(days=1)
LIMIT = 500


def delete_expired(backend: Backend, limit: int = LIMIT) -> int:
    """Delete at most `limit` sessions and exchanged tokens that expired more than a day ago, and return how many."""
    # No permission check: the schedule is part of the installation.
    with backend.db.connect() as connection:
        return tokens.delete_expired(connection, unix_millis(backend.clock.now() - KEPT_FOR), limit)
