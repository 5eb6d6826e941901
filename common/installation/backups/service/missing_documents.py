"""The use case that looks for documents that were lost."""

from common.backend import Backend
from common.installation.backups import documents
from common.installation.backups.repository.worklist import Worklist


def find_missing_documents(backend: Backend) -> tuple[int, list[str]]:
    """Return how many documents rows name, and the keys of those that are not in their store. Changes nothing.

    Stores are listed, a thousand documents with each call, so no document is read.
    """
    # No permission check: the operator, who runs this with the installation's settings, may read everything.
    with Worklist() as worklist:
        # Rows first: a row is written after its document.
        with backend.db.snapshot() as connection:
            for keys in documents.iterate_named(connection):
                worklist.add_needed(keys)
        for prefix in documents.PREFIXES:
            for keys in documents.iterate_stored(documents.bucket_of(backend, prefix), prefix):
                worklist.add_present(keys)
        missing = [key for keys in worklist.iterate_absent() for key in _still_named(backend, keys)]
        return worklist.count_needed(), missing


def _still_named(backend: Backend, keys: list[str]) -> list[str]:
    """Return the keys that rows name now: a running update has replaced its state since, and old journals are deleted."""
    with backend.db.connect() as connection:
        named = documents.find_named(connection, keys)
    return [key for key in keys if key in named]
