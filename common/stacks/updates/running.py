"""What a running update sends: journal batches, event batches, checkpoints. Each costs one guarded statement.

The statement that writes also checks the lease; only when it wrote nothing is the reason asked for. Batches are kept as
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
from common.stacks import blob_keys
from common.stacks.engine import delta, document, envelope, jsontext
from common.stacks.engine.counting import TooMany
from common.stacks.engine.delta import DeltaError, SequenceNumber
from common.stacks.engine.document import BadDocument
from common.stacks.updates import checkpoint_trim, service
from common.stacks.updates.leases import Lease
from common.stacks.updates.repository import running as rows
from common.stacks.updates.repository.running import Batch, Checkpoint, Guard

_T = TypeVar("_T")
_EVENTS_ALONE = "a preview can record only events"
# What a batch and an entry or event count for beside their text: about what keeping and reading them costs.
BATCH_BYTES = 1024
ENTRY_BYTES = 256


class VerbatimBody(msgspec.Struct, rename="camel"):
    """A whole checkpoint whose exact bytes are the base of later deltas."""

    untyped_deployment: msgspec.Raw
    sequence_number: SequenceNumber = 0


def append_journal(backend: Backend, lease: Lease, stored: bytes, text: bytes) -> None:
    """Keep a journal batch; `stored` is its text as it came. Durable when this returns. Forbidden when the lease is lost."""
    _require_small(backend, text)
    found = _checked(lambda: envelope.envelope(text))
    kept, size = _kept(stored, text, found.count)
    limit = backend.settings.update_limit_bytes
    batch = Batch(new_id(), found.first_sequence, found.last_sequence, found.count, size, limit)
    _append(backend, lease, kept, batch, rows.add_journal_batch)


def append_events(backend: Backend, lease: Lease, stored: bytes, text: bytes) -> None:
    """Keep an event batch, and the summary of changes if it has one; errors as for a journal batch."""
    _require_small(backend, text)
    found = _checked(lambda: envelope.events_envelope(text))
    kept, size = _kept(stored, text, found.count)
    limit = backend.settings.update_limit_bytes
    changes = found.resource_changes.decode() if found.resource_changes is not None else None
    batch = Batch(new_id(), found.first_sequence, found.last_sequence, found.count, size, limit, changes)
    _append(backend, lease, kept, batch, rows.add_event_batch)


def append_event(backend: Backend, lease: Lease, text: bytes) -> None:
    """Keep a single event, as old clients send it."""
    batch = b'{"events":[' + text + b"]}"
    append_events(backend, lease, batch, batch)


def put_checkpoint(backend: Backend, lease: Lease, body: bytes) -> None:
    """Make a whole checkpoint the update's state."""
    given = _checked(lambda: document.members(body))
    if given.get("isInvalid") == b"true" and given.get("deployment", b"null") == b"null":
        return _require_good(backend, lease)
    if "deployment" not in given or "version" not in given:
        msg = "a checkpoint needs the members version and deployment"
        raise BadRequest(msg)
    kept = [b'"%s":%s' % (name.encode(), given[name]) for name in ("version", "features", "deployment") if name in given]
    text = b"{" + b",".join(kept) + b"}"
    checkpoint = _stored_checkpoint(backend, lease, text, sequence=0, digest=None)
    with backend.db.connect() as connection:
        written = rows.put_checkpoint(connection, _guard(backend, lease), checkpoint)
    if not written:
        backend.checkpoints.delete([checkpoint.key])
        raise _no_checkpoint(backend, lease)
    return checkpoint_trim.trim_sometimes(backend, lease.update_id, checkpoint.key)


def put_verbatim(backend: Backend, lease: Lease, body: bytes) -> None:
    """Make a whole checkpoint the update's state and the base of deltas; one with a number gone by is ignored."""
    given = _decoded(body, VerbatimBody)
    text = bytes(given.untyped_deployment)
    checkpoint = _stored_checkpoint(backend, lease, text, sequence=given.sequence_number, digest=delta.digest(text))
    with backend.db.connect() as connection:
        written = rows.put_checkpoint(connection, _guard(backend, lease), checkpoint)
        found = None if written else rows.find_checkpoint(connection, _guard(backend, lease))
    if written:
        return checkpoint_trim.trim_sometimes(backend, lease.update_id, checkpoint.key)
    backend.checkpoints.delete([checkpoint.key])
    if found is None or found.is_preview:
        raise _no_checkpoint(backend, lease)
    return None


def put_delta(backend: Backend, lease: Lease, body: bytes) -> None:
    """Apply a delta to the update's checkpoint; a repeat is accepted, one that does not fit is refused and changes nothing."""
    given = _checked(lambda: delta.parse(body))
    with backend.db.connect() as connection:
        base = rows.find_checkpoint(connection, _guard(backend, lease))
    if base is None or base.is_preview:
        raise _no_checkpoint(backend, lease)
    if given.sequence_number < base.sequence:
        return None
    if given.sequence_number == base.sequence and base.digest is not None:
        if given.checkpoint_hash != base.digest:
            msg = f"checkpoint {given.sequence_number} was stored with other content"
            raise Conflict(msg)
        return None
    if base.digest is None:
        msg = "this update has no whole checkpoint yet that a delta could change; send the whole checkpoint"
        raise BadRequest(msg)
    try:
        text = delta.apply(backend.checkpoints.get(base.key), given.deployment_delta or (), given.checkpoint_hash)
    except DeltaError as error:
        msg = f"the delta does not fit the stored checkpoint: {error}; send the whole checkpoint"
        raise BadRequest(msg) from error
    checkpoint = _stored_checkpoint(backend, lease, text, sequence=given.sequence_number, digest=given.checkpoint_hash)
    with backend.db.connect() as connection:
        written = rows.replace_checkpoint(connection, _guard(backend, lease), base, checkpoint)
    if written:
        return checkpoint_trim.trim_sometimes(backend, lease.update_id, checkpoint.key)
    backend.checkpoints.delete([checkpoint.key])
    msg = "the checkpoint was changed by another request at the same time; send the whole checkpoint"
    raise Conflict(msg)


def _append(backend: Backend, lease: Lease, stored: bytes, batch: Batch, add: Callable[..., bool]) -> None:
    if not batch.count:
        return _require_good(backend, lease)
    body: bytes | None = stored
    blob_key = None
    if len(stored) > backend.settings.batch_row_limit_bytes:
        body, blob_key = None, blob_keys.new_batch_key(lease.update_id)
        backend.batches.put_stored(blob_key, stored)
    with backend.db.connect() as connection:
        written = add(connection, _guard(backend, lease), batch, body, blob_key)
    if not written:
        if blob_key is not None:
            backend.batches.delete([blob_key])
        raise _not_taken(backend, lease, batch, is_events=add is rows.add_event_batch)
    return None


def _kept(stored: bytes, text: bytes, count: int) -> tuple[bytes, int]:
    """Return (bytes to keep, what counts for them): the batch as it came, unless blanks or padding are most of it."""
    shorter = _checked(lambda: jsontext.without_blanks(text))
    if shorter is not None:
        stored, text = pack(shorter), shorter
    elif len(stored) > len(text) + BATCH_BYTES:
        # Compressed bytes may hold a name, or parts without text, of any length.
        stored = text
    return stored, len(text) + BATCH_BYTES + ENTRY_BYTES * count


def _require_small(backend: Backend, text: bytes) -> None:
    """Raise TooLarge for a batch that takes more than it may: its sender halves it."""
    limit = backend.settings.batch_limit_bytes
    if len(text) > limit:
        msg = f"the batch is larger than {limit:,} bytes (STACKHOLD_BATCH_LIMIT_BYTES)"
        raise TooLarge(msg)
    try:
        envelope.require_few(text)
    except TooMany as error:
        msg = f"the batch has more than {envelope.MOST_ELEMENTS:,} entries or events"
        raise TooLarge(msg) from error


def _not_taken(backend: Backend, lease: Lease, batch: Batch, *, is_events: bool) -> BackendError:
    """Return why a batch was not written: the lease is lost, the update is a preview, or has recorded as much as it may."""
    with backend.db.connect() as connection:
        is_preview = rows.find_is_preview(connection, _guard(backend, lease))
    if is_preview is None:
        return service.refusal(backend, lease)
    if is_preview and not is_events:
        return BadRequest(_EVENTS_ALONE)
    return BadRequest(
        f"this update has reached its limit for recorded data: {batch.limit_bytes:,} bytes (STACKHOLD_UPDATE_LIMIT_BYTES). "
        "What it recorded is kept; divide the stack, or ask the operator of this service for a higher limit"
    )


def _no_checkpoint(backend: Backend, lease: Lease) -> BackendError:
    """Return why a checkpoint was not written: the lease is lost, or the update is a preview."""
    with backend.db.connect() as connection:
        is_preview = rows.find_is_preview(connection, _guard(backend, lease))
    return BadRequest(_EVENTS_ALONE) if is_preview else service.refusal(backend, lease)


def _require_good(backend: Backend, lease: Lease) -> None:
    with backend.db.connect() as connection:
        if rows.find_is_preview(connection, _guard(backend, lease)) is None:
            raise service.refusal(backend, lease)


def _stored_checkpoint(backend: Backend, lease: Lease, text: bytes, *, sequence: int, digest: str | None) -> Checkpoint:
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
        raise _bad(str(error)) from error


def _decoded(body: bytes, shape: type[_T]) -> _T:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad(str(error)) from error


def _bad(reason: str) -> BackendError:
    return BadRequest(f"the request body is not of the expected form: {reason}")
