"""Where the request that created an update is kept: in its row or, with a large configuration, in the store for that.

The row of a large one has an empty text, which no request is; the key is made of the ids of stack and update.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

from common.backend import Backend
from common.core.errors import BackendError
from common.stacks.blob_keys import program_key
from common.stacks.updates.model import Entry, Program

LOG = logging.getLogger("stackhold.updates")
LARGE_BYTES = 64 << 10
_UNREADABLE = b"{}"


def store(backend: Backend, stack_id: str, update_id: str, program: Program) -> Program:
    """Store the request of an update that is about to be inserted, if it is large, and return what its row keeps."""
    # No permission check in this module: the use cases made it.
    if len(program.text) <= LARGE_BYTES:
        return program
    backend.metadata.put(program_key(stack_id, update_id), program.text)
    return replace(program, text=b"")


def load(backend: Backend, stack_id: str, entry: Entry) -> Entry:
    """Return an entry with its request, read from the store if it is there; BlobMissing or BlobDamaged when it was lost."""
    if entry.program:
        return entry
    return replace(entry, program=backend.metadata.get(program_key(stack_id, entry.update_id)))


def load_all(backend: Backend, stack_id: str, entries: Sequence[Entry]) -> list[Entry]:
    """Return entries with their requests; one that was lost has an empty configuration and does not take the others along."""
    return [_load_or_empty(backend, stack_id, entry) for entry in entries]


def _load_or_empty(backend: Backend, stack_id: str, entry: Entry) -> Entry:
    try:
        return load(backend, stack_id, entry)
    except BackendError as error:
        LOG.error("the configuration of update %s cannot be read: %s", entry.update_id, error.message)  # noqa: TRY400 - one line
        return replace(entry, program=_UNREADABLE)
