"""Exports that are larger than one reply of a function: they are stored, and the client is sent to a link that ends soon."""

from datetime import timedelta

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.compression import pack
from common.core.ids import new_id

PREFIX = "audit-exports/"
# Clients follow a link at once.
LINK_SECONDS = 300
AGE = timedelta(hours=6)
_AT_ONCE = 100


def store(backend: Backend, text: bytes) -> str | None:
    """Store the text of an export, and return an address that serves it for some minutes; None where a store has no links."""
    # No permission check in this module: the use case made it before it rendered the text, or the schedule calls.
    key = f"{PREFIX}{new_id()}"
    backend.metadata.put_stored(key, pack(text))
    return backend.metadata.link(key, LINK_SECONDS)


def delete_expired(backend: Backend) -> int:
    """Delete some exports that were stored hours ago, and return how many."""
    before_millis = unix_millis(backend.clock.now() - AGE)
    stored = backend.metadata.page(PREFIX, "", _AT_ONCE)
    keys = [key for key, written_at in stored if written_at < before_millis]
    if keys:
        backend.metadata.delete(keys)
    return len(keys)
