"""Deletes old messages."""

from datetime import timedelta

from common.backend import Backend
from common.core.clock import unix_millis
from common.outbox import repository
from common.outbox.model import State

# While a delivered message is stored, its target gets no other one of the same key.
DELIVERED_FOR, FAILED_FOR = timedelta(days=1), timedelta(days=30)
LIMIT = 500


def delete_expired(backend: Backend) -> int:
    """Delete some messages that were delivered, or given up, long ago, and return how many."""
    # No permission check: the schedule is part of the installation.
    now = backend.clock.now()
    with backend.db.connect() as connection:
        return sum(
            repository.delete_finished(connection, state, unix_millis(now - age), LIMIT)
            for state, age in ((State.DELIVERED, DELIVERED_FOR), (State.FAILED, FAILED_FOR))
        )
