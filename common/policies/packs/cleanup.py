"""The scheduled deletion of archives: those of deleted versions, and uploads after a day, whether they were completed or not."""

import logging
from datetime import timedelta

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import Unavailable
from common.policies.packs import keys, repository

LOG = logging.getLogger("stackhold.policies")
UPLOAD_AGE = timedelta(days=1)
_AT_ONCE = 100


def delete_expired(backend: Backend) -> int:
    """Delete some archives that are not needed, and return how many there were."""
    # No permission check: the job acts for no caller.
    before_millis = unix_millis(backend.clock.now() - UPLOAD_AGE)
    with backend.db.connect() as connection:
        leftovers = repository.list_leftovers(connection, before_millis=before_millis, limit=_AT_ONCE)
    # The keys are in the order of their times.
    uploads = [key for key, written_at in backend.policy_packs.page(keys.UPLOADS, "", _AT_ONCE) if written_at < before_millis]
    if not leftovers and not uploads:
        return 0
    archives = [key for _, key, is_deleted in leftovers if is_deleted]
    try:
        backend.policy_packs.delete([*archives, *uploads])
    except Unavailable as error:
        LOG.warning(
            "%d archives of policy packs could not be deleted and are tried again later: %s", len(leftovers), error.message
        )
        return 0
    with backend.db.begin() as tx:
        repository.delete_leftovers(tx, [version_id for version_id, _, _ in leftovers])
    return len(archives) + len(uploads)
