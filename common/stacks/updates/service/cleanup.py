"""The scheduled deletion of journals that are part of a state, and of updates that never started.

It deletes rows only. Another job deletes the blobs that they named (common/stacks/service/blobs.py).
"""

from datetime import timedelta

from common.backend import Backend
from common.core.clock import unix_millis
from common.stacks.updates.repository import cleanup

UPDATES_PER_STEP = 200
UNSTARTED_FOR = timedelta(days=1)


def delete_old_journals(backend: Backend) -> int:
    """Delete the journals of some updates that ended long enough ago; return of how many updates."""
    # No permission check: the job acts for no caller. The update's checkpoint contains all of its journal.
    before = unix_millis(backend.clock.now() - timedelta(days=backend.settings.journal_days))
    with backend.db.connect() as connection:
        update_ids = cleanup.find_ended_with_journal(connection, before, UPDATES_PER_STEP)
        if update_ids:
            cleanup.delete_journals(connection, update_ids)
    return len(update_ids)


def delete_unstarted(backend: Backend) -> int:
    """Delete some updates and previews that were created a day ago and never started; return how many."""
    # No permission check: the job acts for no caller.
    before = unix_millis(backend.clock.now() - UNSTARTED_FOR)
    with backend.db.begin() as tx:
        update_ids = cleanup.find_unstarted(tx, before, UPDATES_PER_STEP)
        if update_ids:
            cleanup.delete_unstarted(tx, update_ids)
    return len(update_ids)
