"""The scheduled deletion of blobs that no row names: a blob is written before its row, and rows are deleted before their blobs.

Only blobs of a certain age are deleted: a request that writes a blob also writes the row that names it, or never does, since
each key is new.
"""

import logging
from datetime import timedelta

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import Unavailable
from common.ports.blobs import Bucket
from common.stacks.blob_keys import BATCHES, CHECKPOINTS, PROGRAMS
from common.stacks.repository import blobs

LOG = logging.getLogger("stackhold.state")
SAFE_AGE = timedelta(hours=24)
# Each page reads all rows that name blobs, so few large pages cost less than many small ones.
PAGE_KEYS = 2000


def delete_unused(backend: Backend, after: str, page_size: int = PAGE_KEYS) -> tuple[int, str]:
    """Check one page of keys after a key; return how many blobs were deleted, and the last key, or "" at the end."""
    # No permission check: the job acts for no caller.
    buckets = ((BATCHES, backend.batches), (CHECKPOINTS, backend.checkpoints), (PROGRAMS, backend.metadata))
    index = next((number for number, (prefix, _) in enumerate(buckets) if after.startswith(prefix)), 0)
    prefix, bucket = buckets[index]
    page = bucket.page(prefix, after, page_size)
    count = _delete_unnamed(backend, bucket, page)
    if len(page) == page_size:
        return count, page[-1][0]
    return count, buckets[index + 1][0] if index + 1 < len(buckets) else ""


def _delete_unnamed(backend: Backend, bucket: Bucket, page: list[tuple[str, int]]) -> int:
    limit = unix_millis(backend.clock.now() - SAFE_AGE)
    old = [key for key, written_at in page if written_at < limit]
    if not old:
        return 0
    with backend.db.connect() as connection:
        in_use = blobs.find_named(connection, old)
    unnamed = [key for key in old if key not in in_use]
    try:
        bucket.delete(unnamed)
    except Unavailable as error:
        # A blob that cannot be deleted must not hold up those after it; the next run tries it again.
        LOG.warning("%d unused blobs could not be deleted and are tried again later: %s", len(unnamed), error.message)
        return 0
    return len(unnamed)
