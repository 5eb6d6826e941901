"""Deletes drafts that were not submitted for a long time. A job calls this."""

from datetime import timedelta

from common.approvals.repository import requests
from common.backend import Backend
from common.core.clock import unix_millis

DRAFTS_FOR = timedelta(days=30)
_PER_STEP = 100


def delete_expired(backend: Backend) -> int:
    """Delete some requests that were never submitted, and not changed for a month; return how many."""
    # No permission check: a job acts for no caller.
    before = unix_millis(backend.clock.now() - DRAFTS_FOR)
    with backend.db.begin() as tx:
        request_ids = requests.lock_old_drafts(tx, before, _PER_STEP)
        if request_ids:
            requests.delete_all(tx, request_ids)
    return len(request_ids)
