"""Reads the events of an update for a report: every batch once, in order of the sequence numbers."""

import logging
from collections.abc import Iterable

import msgspec

from common.backend import Backend
from common.core.compression import BadGzip, OverLimit, inflate, is_packed
from common.ports.blobs import BlobMissing
from common.stacks.engine.jsontext import JSON_ERRORS, BadDocument, shield_for
from common.stacks.overview.report import Event
from common.stacks.repository import events as repository
from common.stacks.repository.events import StoredBatch

LOG = logging.getLogger("stackhold.updates")
# So much is read for one page; a report of more says that it was cut.
LIMIT_BYTES = 96 << 20


class _Batch(msgspec.Struct):
    events: list[Event] = []


class _Loose(msgspec.Struct):
    events: list[msgspec.Raw] = []


_batch_decoder = msgspec.json.Decoder(_Batch)
_loose_decoder = msgspec.json.Decoder(_Loose)
_event_decoder = msgspec.json.Decoder(Event)


def read(backend: Backend, update_id: str, batches: Iterable[StoredBatch]) -> tuple[list[Event], bool]:
    """Return events in order, and whether some were left out; what cannot be read does not take the others with it."""
    events: dict[int, Event] = {}
    size = 0
    for batch in batches:
        text = _text(backend, update_id, batch)
        size += len(text)
        for index, event in enumerate(_decode(text)):
            events.setdefault(event.sequence or batch.first_sequence + index, event)
        if size > LIMIT_BYTES:
            return [event for _, event in sorted(events.items())], True
    return [event for _, event in sorted(events.items())], False


def read_update(backend: Backend, update_id: str) -> list[Event]:
    """Return all events of an update that has ended."""
    with backend.db.connect() as connection:
        batches = repository.find_batches(connection, update_id)
    return read(backend, update_id, batches)[0]


def _decode(text: bytes) -> list[Event]:
    try:
        return _batch_decoder.decode(text).events
    except (*JSON_ERRORS, ValueError):
        return [event for event in map(_event, _raw_events(text)) if event is not None]


def _raw_events(text: bytes) -> list[msgspec.Raw]:
    try:
        return _loose_decoder.decode(text).events
    except (*JSON_ERRORS, ValueError):
        return []


def _event(text: msgspec.Raw) -> Event | None:
    try:
        return _event_decoder.decode(text)
    except (*JSON_ERRORS, ValueError):
        return None


def _text(backend: Backend, update_id: str, batch: StoredBatch) -> bytes:
    limit = backend.settings.body_limit_bytes
    try:
        stored = backend.batches.get_stored(batch.blob_key) if batch.blob_key is not None else batch.body or b""
        text = inflate(stored, limit) if is_packed(stored) else stored
        return shield_for([text]).hide(text)
    except (BlobMissing, BadGzip, OverLimit, BadDocument) as error:
        LOG.warning("update %s: events from %d on cannot be read: %r", update_id, batch.first_sequence, error)
        return b"{}"
