"""The scheduled deletion of archives: those of deleted versions, those that no version names, and uploads after a day."""

import logging
from datetime import timedelta

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import Unavailable
from common.policies.packs import keys, repository

LOG = logging.getLogger("stackhold.policies")
UPLOAD_AGE = timedelta(days=1)
_AT_ONCE = 100
# A request that stores an archive also completes the version that names it, or never does.
SAFE_AGE = timedelta(days=1)
PAGE_KEYS = 1_000


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


def delete_unreferenced(backend: Backend, after: str, page_size: int = PAGE_KEYS) -> tuple[int, str]:
    """Delete archives that no version names, such as after a crash, from one page of keys after a key.

    Return how many archives were deleted, and the last key, or "" at the end.
    """
    # No permission check: the job acts for no caller.
    before_millis = unix_millis(backend.clock.now() - SAFE_AGE)
    page = backend.policy_packs.page(keys.ARCHIVES, after, page_size)
    old = [key for key, written_at in page if written_at < before_millis]
    with backend.db.connect() as connection:
        named = repository.find_archives(connection, old) if old else set[str]()
    unreferenced = [key for key in old if key not in named]
    last = page[-1][0] if len(page) == page_size else ""
    if not unreferenced:
        return 0, last
    try:
        backend.policy_packs.delete(unreferenced)
    except Unavailable as error:
        LOG.warning(
            "%d archives that no version names could not be deleted and are tried again later: %s",
            len(unreferenced),
            error.message,
        )
        return 0, last
    return len(unreferenced), last
