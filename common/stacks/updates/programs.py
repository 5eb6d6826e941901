"""Stores the request that created an update: in the update's row or, if it is large, in the object store.

The row of a large one has an empty text, which no request is. Its key is made of the ids of stack and update.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

from common.backend import Backend
from common.core.errors import BackendError, TooLarge
from common.stacks.blob_keys import program_key
from common.stacks.updates.model import HistoryEntry, Program

LOG = logging.getLogger("stackhold.updates")
PROGRAM_LIMIT_BYTES = 4 << 20
ROW_LIMIT_BYTES = 64 << 10
_UNREADABLE = b"{}"


def store(backend: Backend, stack_id: str, update_id: str, program: Program) -> Program:
    """Store the request of an update before its row is inserted, if it is large, and return the request for the row."""
    # No permission check in this module: the use cases made it.
    if len(program.text) <= ROW_LIMIT_BYTES:
        return program
    backend.metadata.put(program_key(stack_id, update_id), program.text)
    return replace(program, text=b"")


def require_small(program: Program) -> None:
    """Raise TooLarge for a request above the limit: each update and preview keeps its own."""
    if len(program.text) > PROGRAM_LIMIT_BYTES:
        raise TooLarge(f"the update's configuration and metadata are larger than {PROGRAM_LIMIT_BYTES:,} bytes")


def load(backend: Backend, stack_id: str, entry: HistoryEntry) -> HistoryEntry:
    """Return an entry with its request, from the object store if it is there; BlobMissing or BlobDamaged if it was lost."""
    if entry.program:
        return entry
    return replace(entry, program=load_text(backend, stack_id, entry.update_id))


def load_text(backend: Backend, stack_id: str, update_id: str) -> bytes:
    """Return a request from the object store; BlobMissing or BlobDamaged if it was lost."""
    return backend.metadata.get(program_key(stack_id, update_id))


def load_all(backend: Backend, stack_id: str, entries: Sequence[HistoryEntry]) -> list[HistoryEntry]:
    """Return entries with their requests; an entry with a lost request has an empty configuration."""
    return [_load_or_empty(backend, stack_id, entry) for entry in entries]


def _load_or_empty(backend: Backend, stack_id: str, entry: HistoryEntry) -> HistoryEntry:
    try:
        return load(backend, stack_id, entry)
    except BackendError as error:
        LOG.error("the configuration of update %s cannot be read: %s", entry.update_id, error.message)  # noqa: TRY400 - one line
        return replace(entry, program=_UNREADABLE)
