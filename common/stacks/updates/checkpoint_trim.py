"""Deletes checkpoints that a running update has replaced, so that a client without a journal does not fill the disk.

Such a client sends its whole state after every step: a thousand steps are gigabytes that are never read. The names of the blobs
tell which are out of date, since keys sort by their time. The job for unused blobs deletes the rest.
"""

from contextlib import suppress

from common.backend import Backend
from common.core.errors import Unavailable
from common.stacks import blob_keys

# A reader may have the key of the checkpoint before, and a repeat of a request may be under way.
_KEPT = 4
# One checkpoint of this many is followed by a listing, which costs more than a put in some stores.
_LISTS_ONE_IN = 8
_PAGE = 1000


def trim_sometimes(backend: Backend, update_id: str, key: str) -> None:
    """Delete all but the last few checkpoints of a running update, after one checkpoint of eight; `key` is the newest."""
    # No permission check in this module: the lease that stored the checkpoint was one.
    if int(key[-1], 16) % _LISTS_ONE_IN == 0:
        with suppress(Unavailable):  # A store that cannot list now must not fail an update that is stored.
            _delete(backend, [old_key for old_key in _keys(backend, update_id) if old_key < key][:-_KEPT])


def trim_finished(backend: Backend, update_id: str, state_key: str | None) -> None:
    """Delete all checkpoints of a finished update except its state."""
    with suppress(Unavailable):  # As above.
        _delete(backend, [key for key in _keys(backend, update_id) if key != state_key])


def _keys(backend: Backend, update_id: str) -> list[str]:
    prefix = blob_keys.checkpoint_prefix(update_id)
    return [key for key, _ in backend.checkpoints.page(prefix, "", _PAGE) if not key.removeprefix(prefix).startswith(".")]


def _delete(backend: Backend, keys: list[str]) -> None:
    if keys:
        backend.checkpoints.delete(keys)
