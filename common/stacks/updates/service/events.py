"""The use case that reads the engine events of an update."""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw

from common.backend import Backend
from common.core.compression import BadGzip, OverLimit, inflate, is_packed
from common.core.errors import BadRequest
from common.ports.blobs import BlobMissing
from common.rights.caller import Caller
from common.stacks.engine.counting import TooMany, require_few_members
from common.stacks.engine.envelope import require_few
from common.stacks.engine.jsontext import BadDocument, Shield, shield_for
from common.stacks.model import StackPath, Status
from common.stacks.updates.repository import history
from common.stacks.updates.repository.history import EventBatch
from common.stacks.updates.service.history import get_status, load_version

LOG = logging.getLogger("stackhold.updates")
EVENT_BATCHES_PER_PAGE = 64
EVENT_BYTES_PER_PAGE = 4 << 20
_NO_EVENTS = b"{}"
_TYPE_DIGITS = 4
_VERSION = re.compile(r"[0-9]{1,20}", re.ASCII)
# A query names event types by number: their positions in upstream's list, counted from 1 (inferred; 9 = policy is known).
EVENT_TYPES = (
    "cancelEvent",
    "stdoutEvent",
    "diagnosticEvent",
    "preludeEvent",
    "summaryEvent",
    "resourcePreEvent",
    "resOutputsEvent",
    "resOpFailedEvent",
    "policyEvent",
    "policyRemediationEvent",
    "policyLoadEvent",
    "policyAnalyzeSummaryEvent",
    "policyRemediateSummaryEvent",
    "policyAnalyzeStackSummaryEvent",
    "startDebuggingEvent",
    "progressEvent",
    "errorEvent",
)


@dataclass(frozen=True, slots=True)
class EventQuery:
    """The events that a request asks for: from a sequence number on, of some types, about some resources; empty sets mean all."""

    start: int = 0
    types: frozenset[str] = frozenset()
    urns: frozenset[str] = frozenset()


def page_events(
    backend: Backend,
    caller: Caller,
    path: StackPath,
    update: str,
    query: EventQuery,
) -> tuple[list[bytes], int | None]:
    """Return events in order of their sequence numbers, and where the next page begins: None at the end of a finished update.

    `update` is an update's id or a version number. While the update runs, a gap in the numbers ends the page: the missing events
    may still arrive.
    """
    update_id, is_running = _find_update(backend, caller, path, update)
    with backend.db.connect() as connection:
        batches = history.event_batches_from(connection, update_id, query.start, EVENT_BATCHES_PER_PAGE + 1)
    events, next_batch_start = _in_order(backend, update_id, batches, query.start)
    if is_running:
        events = _without_gap(events, query.start)
    next_start = events[-1][0] + 1 if events else query.start
    is_end = not is_running and next_batch_start is None
    return [_with_type(text) for _, text in events if _matches(text, query)], None if is_end else next_start


def event_types(numbers: Iterable[str]) -> frozenset[str]:
    """Return the names of event types for the numbers in a query. BadRequest for a text that is not a number."""
    names = set()
    for text in numbers:
        # int() refuses thousands of digits.
        if not text.isascii() or not text.isdigit() or len(text) > _TYPE_DIGITS:
            raise BadRequest(f"event type {text[:20]!a} is not the number of a type")
        number = int(text)
        names.add(EVENT_TYPES[number - 1] if 0 < number <= len(EVENT_TYPES) else f"unknown {number}")
    return frozenset(names)


def _find_update(backend: Backend, caller: Caller, path: StackPath, update: str) -> tuple[str, bool]:
    if _VERSION.fullmatch(update):
        _stack, entry = load_version(backend, caller, path, int(update))
        return entry.update_id, entry.status in (Status.RUNNING, Status.FINISHING)
    status = get_status(backend, caller, path, update)
    return status.id, status.status in (Status.NOT_STARTED, Status.RUNNING, Status.FINISHING)


# The members of an event of which exactly one is there.
_Payloads = msgspec.defstruct("_Payloads", [("type", Raw, Raw()), *((name, Raw, Raw()) for name in EVENT_TYPES)])
_payloads_decoder = msgspec.json.Decoder(_Payloads)


def _with_type(text: bytes) -> bytes:
    """Return an event with the member `type`, which names its payload: upstream adds it for readers (its EngineEvent)."""
    try:
        event: Any = _payloads_decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Lone surrogates, which the decoder rejects. A reader of those gets the event as its client sent it.
        return text
    name = next((name for name in EVENT_TYPES if bytes(getattr(event, name)) not in (b"", b"null")), None)
    return text if name is None or event.type else b'{"type":"%s",%s' % (name.encode(), text[1:])


class _Event(msgspec.Struct):
    sequence: int | None = None


class _Batch(msgspec.Struct):
    events: list[msgspec.Raw] | None = None


_batch_decoder = msgspec.json.Decoder(_Batch)


def _in_order(
    backend: Backend,
    update_id: str,
    batches: Iterable[EventBatch],
    start: int,
) -> tuple[list[tuple[int, bytes]], int | None]:
    """Return the events of this page, and the sequence number at which the next page's batches begin (None: no more).

    A batch is inflated only if it belongs to the page.
    """
    events: dict[int, bytes] = {}
    size, next_batch_start = 0, None
    for index, batch in enumerate(batches):
        if index == EVENT_BATCHES_PER_PAGE or size > EVENT_BYTES_PER_PAGE:
            next_batch_start = batch.first_sequence
            break
        shield, text = _text(backend, update_id, batch)
        size += len(text)
        for raw in _batch_decoder.decode(text).events or []:
            number = _sequence(raw, batch.first_sequence)
            if number >= start:
                events.setdefault(number, shield.show(raw))
    ordered = sorted(events.items())
    # The page has all batches that begin before the next page, so it has all events below that number. If a later batch begins
    # inside the range of the only batch here, the page is allowed to pass that number: each page must have some events.
    below = [event for event in ordered if next_batch_start is None or event[0] < next_batch_start]
    return below or ordered, next_batch_start


def _text(backend: Backend, update_id: str, batch: EventBatch) -> tuple[Shield, bytes]:
    """Return the text of a batch, shielded; an empty batch for one that cannot be read, so that the others can."""
    limit = backend.settings.body_limit_bytes
    try:
        stored = backend.batches.get_stored(batch.blob_key) if batch.blob_key is not None else batch.body or b""
        text = inflate(stored, limit) if is_packed(stored) else stored
        shield = shield_for([text])
        text = shield.hide(text)
        require_few(text)
        _batch_decoder.decode(text)
    except (BlobMissing, BadGzip, OverLimit, TooMany, BadDocument, msgspec.DecodeError, UnicodeDecodeError) as error:
        LOG.warning("update %s: events from %d on cannot be read: %r", update_id, batch.first_sequence, error)
        return Shield(), _NO_EVENTS
    return shield, text


def _sequence(raw: msgspec.Raw, default: int) -> int:
    try:
        number = msgspec.json.decode(raw, type=_Event).sequence
    except msgspec.DecodeError:
        return default
    return default if number is None else number


def _without_gap(events: list[tuple[int, bytes]], start: int) -> list[tuple[int, bytes]]:
    return [event for index, event in enumerate(events) if event[0] == start + index]


class _Subject(msgspec.Struct):
    urn: str | None = None
    resource_urn: str | None = msgspec.field(default=None, name="resourceUrn")
    metadata: "_Subject | None" = None


def _matches(text: bytes, query: EventQuery) -> bool:
    if not query.types and not query.urns:
        return True
    try:
        text = shield_for([text]).hide(text)
        require_few_members(text, "the event")
        members = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (BadDocument, msgspec.DecodeError):
        return False
    event_type = next((name for name in EVENT_TYPES if name in members), "")
    if query.types and event_type not in query.types:
        return False
    return not query.urns or _subject_urn(members.get(event_type)) in query.urns


def _subject_urn(payload: msgspec.Raw | None) -> str:
    try:
        subject = msgspec.json.decode(payload or b"{}", type=_Subject)
    except msgspec.DecodeError:
        return ""
    return subject.urn or subject.resource_urn or (subject.metadata.urn if subject.metadata is not None else None) or ""
