"""Deletes old mails."""

from datetime import timedelta

from common.backend import Backend
from common.core.clock import unix_millis
from common.mailing import repository

SENT_FOR, GIVEN_UP_FOR = timedelta(days=7), timedelta(days=30)
LIMIT = 500


def delete_expired(backend: Backend) -> int:
    """Delete some mails that were sent, or given up, long ago, and return how many."""
    # No permission check: the schedule is part of the installation.
    now = backend.clock.now()
    with backend.db.connect() as connection:
        return repository.delete_expired(
            connection,
            sent_before=unix_millis(now - SENT_FOR),
            given_up_before=unix_millis(now - GIVEN_UP_FOR),
            limit=LIMIT,
        )
