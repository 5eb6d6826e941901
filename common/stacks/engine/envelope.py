"""Reads the envelope of a batch when it arrives: whether it is a list of objects, their sequence numbers, their number.

It does not check the content of entries: a rejected batch would lose its reports, so invalid content is accepted here and
evaluated when it is read. Only text that no replay could open is rejected, with BadDocument.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from msgspec import Raw

from common.stacks.engine import counting, jsontext
from common.stacks.engine.counting import Item
from common.stacks.engine.jsontext import BadDocument

T = TypeVar("T")

# A client sends some hundred at a time; each element takes memory beside its text, even a short one.
MOST_ELEMENTS = 100_000
# A summary counts by kind of step, of which there are two dozen.
_SUMMARY_BYTES = 64 << 10

_INT64 = range(-(1 << 63), 1 << 63)


@dataclass(frozen=True, slots=True)
class JournalEnvelope:
    """The range of sequence IDs in a batch, and the number of its entries.

    An entry without a 64-bit sequence ID counts, but does not widen the range; an empty range is 0 to 0.
    """

    first_sequence: int
    last_sequence: int
    count: int


@dataclass(frozen=True, slots=True)
class EventsEnvelope:
    """The range of sequence numbers in a batch of engine events, and the changes in its summary.

    `resource_changes` is the text of `{"create": 2, …}`, None unless the batch has the summary of a real update.
    """

    first_sequence: int
    last_sequence: int
    count: int
    resource_changes: bytes | None


class _Entry(msgspec.Struct):
    sequence_id: Raw = msgspec.field(default=jsontext.ABSENT, name="sequenceID")


class _Event(msgspec.Struct, rename="camel"):
    sequence: Raw = jsontext.ABSENT
    summary_event: Raw = jsontext.ABSENT


class _Entries(msgspec.Struct):
    entries: list[_Entry] | None = None


class _Events(msgspec.Struct):
    events: list[_Event] | None = None


class _Summary(msgspec.Struct, rename="camel"):
    is_preview: bool | None = None
    resource_changes: dict[str, int] | None = None


class _SummaryText(msgspec.Struct, rename="camel"):
    resource_changes: Raw = jsontext.ABSENT


class _Elements(msgspec.Struct):
    entries: list[Item] | None = None
    events: list[Item] | None = None


_entries_decoder = msgspec.json.Decoder(_Entries)
_events_decoder = msgspec.json.Decoder(_Events)
_summary_decoder = msgspec.json.Decoder(_Summary)
_elements_decoder = msgspec.json.Decoder(_Elements)
_summary_text_decoder = msgspec.json.Decoder(_SummaryText)


def require_few(body: bytes, limit: int = MOST_ELEMENTS) -> None:
    """Raise TooMany for a batch with more elements than the limit, before there is an object for each of them."""
    # An element takes two characters at least.
    if len(body) <= 2 * limit or body.count(b"{") + body.count(b"[") + body.count(b",") <= limit:
        return

    def count(text: bytes) -> _Elements:
        counting.start(limit)
        return _elements_decoder.decode(text)

    try:
        _read(body, count)
    except BadDocument:
        # The next reader reports the error; up to there the batch has few elements, or is not a batch.
        return


def envelope(body: bytes) -> JournalEnvelope:
    """Return the envelope of `{"entries": [...]}`; absent and null mean an empty batch. Raises BadDocument."""
    entries = _read(body, _entries_decoder.decode).entries or []
    return JournalEnvelope(*_range([_number(entry.sequence_id) for entry in entries]), len(entries))


def events_envelope(body: bytes) -> EventsEnvelope:
    """Return the envelope of `{"events": [...]}`; absent and null mean an empty batch. Raises BadDocument."""
    events = _read(body, _events_decoder.decode).events or []
    return EventsEnvelope(*_range([_number(event.sequence) for event in events]), len(events), _resource_changes(events))


def _read(body: bytes, reader: Callable[[bytes], T]) -> T:
    """Return a batch, read in one pass; only if the decoder rejects a lone surrogate, it is hidden and the batch read again."""
    try:
        return jsontext.decode_new(body, reader)
    except BadDocument:
        return jsontext.decode_new(jsontext.shield_for([body]).hide(body), reader)


def _number(text: Raw) -> int | None:
    try:
        number = msgspec.json.decode(text, type=int)
    except jsontext.JSON_ERRORS:
        return None
    return number if number in _INT64 else None


def _range(numbers: Sequence[int | None]) -> tuple[int, int]:
    known = [number for number in numbers if number is not None]
    return (min(known), max(known)) if known else (0, 0)


def _resource_changes(events: Sequence[_Event]) -> bytes | None:
    """Return the changes in the last summary of a real update, or None."""
    for event in reversed(events):
        if not 0 < len(event.summary_event) <= _SUMMARY_BYTES:
            continue
        try:
            summary = _summary_decoder.decode(event.summary_event)
        except jsontext.JSON_ERRORS:
            continue
        if summary.is_preview or summary.resource_changes is None:
            continue
        return bytes(_summary_text_decoder.decode(event.summary_event).resource_changes)
    return None
