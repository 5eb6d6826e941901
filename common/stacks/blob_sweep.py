"""Removes blobs that no row names: a blob is written before its row, and rows go before their blobs.

Age makes it safe: a key is named within the request that writes it or never, since keys are fresh each time.
"""

import logging
from datetime import timedelta

from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import Unavailable
from common.ports.blobs import Bucket
from common.stacks.blob_keys import BATCHES, CHECKPOINTS, PROGRAMS
from common.stacks.repository import blob_sweep as repository
from common.stacks.repository import stack_references

LOG = logging.getLogger("stackhold.state")
SAFE_AGE = timedelta(hours=24)
# Each page looks through all rows that name blobs, so few large pages are better than many small ones.
PAGE_KEYS = 2000


def sweep(backend: Backend, after: str) -> tuple[int, str]:
    """Look at one page of keys after a key; return how many blobs were removed, and the last key, or "" at the end."""
    # No permission check: the job acts for no caller.
    places = ((BATCHES, backend.batches), (CHECKPOINTS, backend.checkpoints), (PROGRAMS, backend.metadata))
    at = next((number for number, (prefix, _) in enumerate(places) if after.startswith(prefix)), 0)
    prefix, bucket = places[at]
    page = bucket.page(prefix, after, PAGE_KEYS)
    removed = _remove_unnamed(backend, bucket, page)
    if len(page) == PAGE_KEYS:
        return removed, page[-1][0]
    return removed, places[at + 1][0] if at + 1 < len(places) else ""


def forget(tx: Connection, stack_id: str) -> None:
    """Drop what a deleted stack's state said of other stacks: a step of the purge."""
    stack_references.replace(tx, stack_id, frozenset())


def _remove_unnamed(backend: Backend, bucket: Bucket, page: list[tuple[str, int]]) -> int:
    limit = unix_millis(backend.clock.now() - SAFE_AGE)
    old = [key for key, written_at in page if written_at < limit]
    if not old:
        return 0
    with backend.db.connect() as connection:
        in_use = repository.named(connection, old)
    unnamed = [key for key in old if key not in in_use]
    try:
        bucket.delete(unnamed)
    except Unavailable as error:
        # One that cannot be removed must not hold up those after it: the next round comes to it again.
        LOG.warning("%d unused blobs could not be deleted and are tried again later: %s", len(unnamed), error.message)
        return 0
    return len(unnamed)
