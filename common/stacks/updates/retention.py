"""Drops what nobody can ask for any more: journals that are folded into a state, and what deleted stacks left behind.

Only rows go here. The blobs they named are removed by the sweep (common/stacks/blob_sweep.py) once no row names them.
"""

from datetime import timedelta

from common.backend import Backend
from common.core.clock import unix_millis
from common.stacks import blob_sweep, purge
from common.stacks.updates.repository import retention as repository

UPDATES_PER_STEP = 200
UNSTARTED_FOR = timedelta(days=1)


def compact(backend: Backend) -> int:
    """Drop the journals of updates that ended long enough ago; return how many updates that was, at most one step's."""
    # No permission check: the job acts for no caller. The update's checkpoint holds all that its journal said.
    before = _days_ago(backend, backend.settings.journal_days)
    with backend.db.connect() as connection:
        found = repository.ended_with_journal(connection, before, UPDATES_PER_STEP)
        if found:
            repository.drop_journals(connection, found)
    return len(found)


def forget_unstarted(backend: Backend) -> int:
    """Drop some updates and previews that were created a day ago or longer and never started; return how many."""
    # No permission check: the job acts for no caller.
    before = unix_millis(backend.clock.now() - UNSTARTED_FOR)
    with backend.db.begin() as tx:
        found = repository.unstarted(tx, before, UPDATES_PER_STEP)
        if found:
            repository.drop_unstarted(tx, found)
    return len(found)


def purge_deleted(backend: Backend) -> int:
    """Drop one step's rows of a stack that was deleted long enough ago; return how many updates or stacks went."""
    # No permission check: the job acts for no caller, and a deleted stack cannot be named by any.
    with backend.db.begin() as tx:
        stack_id = purge.claim_deleted(tx, _days_ago(backend, backend.settings.deleted_stack_days))
        if stack_id is None:
            return 0
        found = repository.of_stack(tx, stack_id, UPDATES_PER_STEP)
        if found:
            repository.drop(tx, found)
            return len(found)
        blob_sweep.forget(tx, stack_id)
        purge.drop(tx, stack_id)
        return 1


def _days_ago(backend: Backend, days: int) -> int:
    return unix_millis(backend.clock.now() - timedelta(days=days))
