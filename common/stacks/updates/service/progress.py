"""Use cases for what a running update sends: lease renewals, journal batches, event batches, checkpoints.

Each is one guarded statement, which also checks the lease; only if it wrote nothing, a query finds out why. Batches are stored as
they came (docs/decisions/0002): repeats and overlaps are resolved by their sequence numbers when they are read.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.compression import pack
from common.core.errors import BackendError, BadRequest, Conflict, TooLarge
from common.core.ids import new_id
from common.crypto.service_keys import lease_key
from common.stacks import blob_keys
from common.stacks.engine import delta, document, envelope, jsontext
from common.stacks.engine.counting import TooMany
from common.stacks.engine.delta import DeltaError, SequenceNumber
from common.stacks.engine.document import BadDocument
from common.stacks.model import StackPath
from common.stacks.updates import checkpoint_trim, leases
from common.stacks.updates.leases import LEASE_SECONDS, Lease
from common.stacks.updates.repository import progress as repository
from common.stacks.updates.repository import updates
from common.stacks.updates.repository.progress import Batch, Checkpoint, Guard
from common.stacks.updates.steps import lease_error, limit_reached
from common.telemetry.instruments import JOURNAL_BATCHES, JOURNAL_BYTES

_T = TypeVar("_T")
_EVENTS_ONLY = "a preview can record only events"
# A batch and an entry or event count for this much beside their text: about the cost of storing and reading them.
BATCH_BYTES = 1024
ENTRY_BYTES = 256


class VerbatimCheckpoint(msgspec.Struct, rename="camel"):
    """A whole checkpoint; its exact bytes are the base of later deltas."""

    untyped_deployment: msgspec.Raw
    sequence_number: SequenceNumber = 0


def require_lease(backend: Backend, token: str, path: StackPath, update_id: str) -> Lease:
    """Return the lease of a token for this update of this stack, without a query; Forbidden if the token is not valid."""
    return leases.verify(lease_key(backend), token, path, update_id)


def renew(backend: Backend, lease: Lease, path: StackPath) -> tuple[str, int]:
    """Extend the lease by its full length; return (token, expiry in unix milliseconds). Forbidden without a valid lease.

    An expired lease is renewed too if the stack has no newer version: a laptop that slept loses nothing.
    """
    expires_at = unix_millis(backend.clock.now()) + LEASE_SECONDS * 1000
    with backend.db.connect() as connection:
        if not updates.renew(connection, lease.update_id, expires_at):
            raise lease_error(connection, lease.update_id)
    return leases.issue(lease_key(backend), lease.update_id, path), expires_at


def append_journal(backend: Backend, lease: Lease, stored: bytes, text: bytes) -> None:
    """Store a journal batch durably; `stored` is its text as it came. Forbidden without a valid lease."""
    _require_small(backend, text)
    head = _checked(lambda: envelope.envelope(text))
    stored, size = _to_store(stored, text, head.count)
    limit = backend.settings.update_limit_bytes
    batch = Batch(new_id(), head.first_sequence, head.last_sequence, head.count, size, limit)
    _append(backend, lease, stored, batch, repository.add_journal_batch)
    backend.telemetry.record(JOURNAL_BATCHES, 1)
    backend.telemetry.record(JOURNAL_BYTES, len(text))


def append_events(backend: Backend, lease: Lease, stored: bytes, text: bytes) -> None:
    """Store an event batch, and the summary of changes if it has one; errors as for a journal batch."""
    _require_small(backend, text)
    head = _checked(lambda: envelope.events_envelope(text))
    stored, size = _to_store(stored, text, head.count)
    limit = backend.settings.update_limit_bytes
    changes = head.resource_changes.decode() if head.resource_changes is not None else None
    batch = Batch(new_id(), head.first_sequence, head.last_sequence, head.count, size, limit, changes)
    _append(backend, lease, stored, batch, repository.add_event_batch)


def append_event(backend: Backend, lease: Lease, text: bytes) -> None:
    """Store a single event, as old clients send it."""
    batch = b'{"events":[' + text + b"]}"
    append_events(backend, lease, batch, batch)


def update_checkpoint(backend: Backend, lease: Lease, body: bytes) -> None:
    """Make a whole checkpoint the update's state."""
    members = _checked(lambda: document.members(body))
    if members.get("isInvalid") == b"true" and members.get("deployment", b"null") == b"null":
        return _require_valid_lease(backend, lease)
    if "deployment" not in members or "version" not in members:
        raise BadRequest("a checkpoint needs the members version and deployment")
    names = [name for name in ("version", "features", "deployment") if name in members]
    text = b"{" + b",".join(b'"%s":%s' % (name.encode(), members[name]) for name in names) + b"}"
    checkpoint = _store_checkpoint(backend, lease, text, sequence=0, digest=None)
    with backend.db.connect() as connection:
        is_written = repository.update_checkpoint(connection, _guard(backend, lease), checkpoint)
    if not is_written:
        backend.checkpoints.delete([checkpoint.key])
        raise _checkpoint_error(backend, lease)
    return checkpoint_trim.trim_sometimes(backend, lease.update_id, checkpoint.key)


def update_checkpoint_verbatim(backend: Backend, lease: Lease, body: bytes) -> None:
    """Make a whole checkpoint the update's state and the base of deltas; one with a lower number than the last is ignored."""
    request = _decoded(body, VerbatimCheckpoint)
    text = bytes(request.untyped_deployment)
    checkpoint = _store_checkpoint(backend, lease, text, sequence=request.sequence_number, digest=delta.digest(text))
    with backend.db.connect() as connection:
        is_written = repository.update_checkpoint(connection, _guard(backend, lease), checkpoint)
        newer = None if is_written else repository.find_checkpoint(connection, _guard(backend, lease))
    if is_written:
        return checkpoint_trim.trim_sometimes(backend, lease.update_id, checkpoint.key)
    backend.checkpoints.delete([checkpoint.key])
    if newer is None or newer.is_preview:
        raise _checkpoint_error(backend, lease)
    return None


def update_checkpoint_delta(backend: Backend, lease: Lease, body: bytes) -> None:
    """Apply a delta to the update's checkpoint. A repeat is accepted; BadRequest or Conflict for one that does not fit."""
    request = _checked(lambda: delta.parse(body))
    with backend.db.connect() as connection:
        base = repository.find_checkpoint(connection, _guard(backend, lease))
    if base is None or base.is_preview:
        raise _checkpoint_error(backend, lease)
    if request.sequence_number < base.sequence:
        return None
    if request.sequence_number == base.sequence and base.digest is not None:
        if request.checkpoint_hash != base.digest:
            raise Conflict(f"checkpoint {request.sequence_number} was stored with other content")
        return None
    if base.digest is None:
        raise BadRequest("this update has no whole checkpoint yet that a delta could change; send the whole checkpoint")
    try:
        text = delta.apply(backend.checkpoints.get(base.key), request.deployment_delta or (), request.checkpoint_hash)
    except DeltaError as error:
        raise BadRequest(f"the delta does not fit the stored checkpoint: {error}; send the whole checkpoint") from error
    checkpoint = _store_checkpoint(backend, lease, text, sequence=request.sequence_number, digest=request.checkpoint_hash)
    with backend.db.connect() as connection:
        is_written = repository.replace_checkpoint(connection, _guard(backend, lease), base, checkpoint)
    if is_written:
        return checkpoint_trim.trim_sometimes(backend, lease.update_id, checkpoint.key)
    backend.checkpoints.delete([checkpoint.key])
    raise Conflict("the checkpoint was changed by another request at the same time; send the whole checkpoint")


def _append(backend: Backend, lease: Lease, stored: bytes, batch: Batch, add: Callable[..., bool]) -> None:
    if not batch.count:
        return _require_valid_lease(backend, lease)
    body: bytes | None = stored
    blob_key = None
    if len(stored) > backend.settings.batch_row_limit_bytes:
        body, blob_key = None, blob_keys.new_batch_key(lease.update_id)
        backend.batches.put_stored(blob_key, stored)
    with backend.db.connect() as connection:
        is_written = add(connection, _guard(backend, lease), batch, body, blob_key)
    if not is_written:
        if blob_key is not None:
            backend.batches.delete([blob_key])
        raise _batch_error(backend, lease, batch, is_events=add is repository.add_event_batch)
    return None


def _to_store(stored: bytes, text: bytes, count: int) -> tuple[bytes, int]:
    """Return (bytes to store, size for the limit): the batch as it came, unless blanks or padding are most of it."""
    shorter = _checked(lambda: jsontext.without_blanks(text))
    if shorter is not None:
        stored, text = pack(shorter), shorter
    elif len(stored) > len(text) + BATCH_BYTES:
        # Gzip bytes may contain a file name, or parts without text, of any length.
        stored = text
    return stored, len(text) + BATCH_BYTES + ENTRY_BYTES * count


def _require_small(backend: Backend, text: bytes) -> None:
    """Raise TooLarge for a batch above the limit; its sender then sends two halves."""
    limit = backend.settings.batch_limit_bytes
    if len(text) > limit:
        raise TooLarge(f"the batch is larger than {limit:,} bytes (STACKHOLD_BATCH_LIMIT_BYTES)")
    try:
        envelope.require_few(text)
    except TooMany as error:
        raise TooLarge(f"the batch has more than {envelope.MOST_ELEMENTS:,} entries or events") from error


def _batch_error(backend: Backend, lease: Lease, batch: Batch, *, is_events: bool) -> BackendError:
    """Return why a batch was not written: no valid lease, a preview, or an update that reached its limit."""
    with backend.db.connect() as connection:
        is_preview = repository.find_is_preview(connection, _guard(backend, lease))
        if is_preview is None:
            return lease_error(connection, lease.update_id)
    if is_preview and not is_events:
        return BadRequest(_EVENTS_ONLY)
    return limit_reached(batch.limit_bytes)


def _checkpoint_error(backend: Backend, lease: Lease) -> BackendError:
    """Return why a checkpoint was not written: no valid lease, or a preview."""
    with backend.db.connect() as connection:
        if repository.find_is_preview(connection, _guard(backend, lease)):
            return BadRequest(_EVENTS_ONLY)
        return lease_error(connection, lease.update_id)


def _require_valid_lease(backend: Backend, lease: Lease) -> None:
    with backend.db.connect() as connection:
        if repository.find_is_preview(connection, _guard(backend, lease)) is None:
            raise lease_error(connection, lease.update_id)


def _store_checkpoint(backend: Backend, lease: Lease, text: bytes, *, sequence: int, digest: str | None) -> Checkpoint:
    def check() -> int:
        document.check_container(text)
        return document.count_resources(text)

    count = _checked(check)
    key = blob_keys.new_checkpoint_key(lease.update_id)
    backend.checkpoints.put(key, text)
    return Checkpoint(key, sequence, digest, count)


def _guard(backend: Backend, lease: Lease) -> Guard:
    return Guard(lease.update_id, unix_millis(backend.clock.now()))


def _checked(read: Callable[[], _T]) -> _T:
    try:
        return read()
    except BadDocument as error:
        raise _bad_body(str(error)) from error


def _decoded(body: bytes, shape: type[_T]) -> _T:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad_body(str(error)) from error


def _bad_body(reason: str) -> BackendError:
    return BadRequest(f"the request body does not have the expected form: {reason}")
