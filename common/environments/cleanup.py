"""Deletes what is no longer needed: sessions that expired, and environments that were deleted long ago. Jobs call these."""

from datetime import timedelta

from common.approvals import steps as approvals
from common.backend import Backend
from common.core.clock import unix_millis
from common.crypto import owner_keys
from common.environments.repository import listing, sessions

_SESSIONS_PER_STEP = 500


def delete_expired(backend: Backend) -> int:
    """Delete some sessions that expired, or one environment that was deleted long enough ago; return how many."""
    # No permission check: a job acts for no caller.
    now = backend.clock.now()
    with backend.db.connect() as connection:
        done = sessions.delete_expired(connection, unix_millis(now), _SESSIONS_PER_STEP)
    return done or _purge_deleted(backend, unix_millis(now - timedelta(days=backend.settings.deleted_stack_days)))


def _purge_deleted(backend: Backend, before_millis: int) -> int:
    with backend.db.begin() as tx:
        environment_id = listing.find_expired(tx, before_millis)
        if environment_id is None or not listing.purge(tx, environment_id, before_millis):
            return 0
        owner_keys.delete_retired(tx, environment_id)
        approvals.delete_of_targets(tx, [environment_id])
        return 1
