"""The use case of `stackhold cost`: counts what the installation was used for, and measures what it keeps."""

from collections.abc import Callable

from common.backend import Backend
from common.core.clock import unix_millis
from common.db import health
from common.installation.backups import documents
from common.installation.costs import repository
from common.installation.costs.model import COUNTED_DAYS, DAY_MILLIS, Counted

# So many documents are asked for their size; the others are taken to be as large on average.
MEASURED_DOCUMENTS = 100

Show = Callable[[str], object]


def count_usage(backend: Backend, *, most_measured: int = MEASURED_DOCUMENTS, show: Show = print) -> Counted:
    """Return what the installation was used for in the last 30 days, or since it is there, a day at least. Changes nothing."""
    # No permission check: the operator, who runs this with the installation's settings, may read everything.
    now = unix_millis(backend.clock.now())
    show("counting updates")
    with backend.db.snapshot() as connection:
        created_at = repository.find_oldest_organization(connection) or now
        millis = min(COUNTED_DAYS * DAY_MILLIS, max(DAY_MILLIS, now - created_at))
        runs = tuple(repository.iterate_runs(connection, now - millis, now))
        batches = repository.count_event_batches(connection, now - millis)
        show("listing documents")
        # A key may come several times. A million of them take some 150 MB here.
        keys = sorted({key for page in documents.iterate_named(connection) for key in page})
    measured = keys[:: max(1, -(-len(keys) // most_measured))]
    show("measuring documents")
    sizes = [size for size in (documents.bucket_of(backend, key).find_size(key) for key in measured) if size is not None]
    return Counted(
        days=millis / DAY_MILLIS,
        runs=runs,
        event_batches=batches,
        documents=len(keys),
        sampled_documents=len(sizes),
        document_bytes=round(sum(sizes) / len(sizes) * len(keys)) if sizes else 0,
        database_bytes=health.measure_bytes(backend.db),
    )
