"""The use case for lines of an update's log, as the oldest clients send them. They are kept as engine events."""

from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.compression import pack
from common.core.errors import BadRequest, TooLarge
from common.core.ids import new_id
from common.db.retry import retry
from common.stacks import blob_keys
from common.stacks.updates.leases import Lease
from common.stacks.updates.repository import progress as repository
from common.stacks.updates.repository.progress import Batch, Guard
from common.stacks.updates.service.progress import BATCH_BYTES, ENTRY_BYTES
from common.stacks.updates.steps import lease_error, limit_reached

STDOUT, STDERR = "stdout", "stderr"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A line of a log. `kind` is `stdout` or `stderr`, `color` and `severity` are those of the client's own output."""

    kind: str
    text: str
    color: str
    severity: str


def append_log_entry(backend: Backend, lease: Lease, entry: LogEntry) -> None:
    """Store a line of an update's log as the next event of the update. Forbidden without a valid lease."""
    if entry.kind not in (STDOUT, STDERR):
        raise BadRequest(f"the kind of a log entry must be {STDOUT} or {STDERR}, not {entry.kind[:40]!a}")
    if len(entry.text) > backend.settings.batch_limit_bytes:
        raise TooLarge(f"the log entry is larger than {backend.settings.batch_limit_bytes:,} bytes (STACKHOLD_BATCH_LIMIT_BYTES)")

    def append() -> None:
        with backend.db.begin() as tx:
            _append(tx, backend, lease, entry)

    retry(append)


def _append(tx: Connection, backend: Backend, lease: Lease, entry: LogEntry) -> None:
    guard = Guard(lease.update_id, unix_millis(backend.clock.now()))
    # A line has no number of its own. Writers of lines wait for each other here, so that each gets the next one.
    number = repository.lock_next_event(tx, guard)
    if number is None:
        raise lease_error(tx, lease.update_id)
    if not entry.text:
        return
    text = msgspec.json.encode({"events": [_event(entry, number, guard.now_millis // 1000)]})
    stored, blob_key = pack(text), None
    if len(stored) > backend.settings.batch_row_limit_bytes:
        blob_key = blob_keys.new_batch_key(lease.update_id)
        backend.batches.put_stored(blob_key, stored)
    limit = backend.settings.update_limit_bytes
    batch = Batch(new_id(), number, number, 1, len(text) + BATCH_BYTES + ENTRY_BYTES, limit)
    if not repository.add_event_batch(tx, guard, batch, stored if blob_key is None else None, blob_key):
        if blob_key is not None:
            backend.batches.delete([blob_key])
        raise limit_reached(limit)


def _event(entry: LogEntry, number: int, timestamp: int) -> dict[str, object]:
    """Return the engine event that shows a line as it was printed."""
    severity = entry.severity or ("error" if entry.kind == STDERR else "")
    payload = {"message": entry.text, "color": entry.color}
    event: dict[str, object] = {"sequence": number, "timestamp": timestamp}
    return event | ({"diagnosticEvent": {**payload, "severity": severity}} if severity else {"stdoutEvent": payload})
