"""Removes checkpoints that a running update has replaced, so that a client without a journal does not fill the disk.

Such a client sends its whole state after every step: a thousand steps are gigabytes that nobody will read. Which blobs are
out of date is told by their names alone, since keys sort by the time they were made; the sweep finds what is left over.
"""

from contextlib import suppress

from common.backend import Backend
from common.core.errors import Unavailable
from common.stacks import blob_keys

# A reader may just have been given the key of the checkpoint before, and a repeat of a request may be under way.
_KEPT = 4
# One checkpoint in so many is followed by a look: a listing costs more than a put on some stores.
_LOOKS_ONE_IN = 8
_PAGE = 1000


def trim_sometimes(backend: Backend, update_id: str, key: str) -> None:
    """Remove all but the last few checkpoints of a running update, one time in a few; `key` is the newest one."""
    # No permission check in this and the next step: the lease that stored the checkpoint was one.
    if int(key[-1], 16) % _LOOKS_ONE_IN == 0:
        with suppress(Unavailable):  # A store that does not list at the moment must not fail an update that it has taken in.
            _remove(backend, [found for found in _keys(backend, update_id) if found < key][:-_KEPT])


def trim_finished(backend: Backend, update_id: str, kept: str | None) -> None:
    """Remove all checkpoints of a finished update but the one that became its state."""
    with suppress(Unavailable):  # As above.
        _remove(backend, [found for found in _keys(backend, update_id) if found != kept])


def _keys(backend: Backend, update_id: str) -> list[str]:
    prefix = blob_keys.checkpoints_of(update_id)
    return [key for key, _ in backend.checkpoints.page(prefix, "", _PAGE) if not key.removeprefix(prefix).startswith(".")]


def _remove(backend: Backend, keys: list[str]) -> None:
    if keys:
        backend.checkpoints.delete(keys)
