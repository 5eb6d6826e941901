"""The cheap check of a batch as it arrives: is it a list of objects, which sequence numbers, how many.

What the entries say is none of this module's business: refusing a batch loses what it reports, so odd content is
accepted here and judged when it is read. Only text that no replay could ever open is refused, with BadDocument.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from msgspec import Raw

from common.state import jsontext
from common.state.jsontext import BadDocument

T = TypeVar("T")

_INT64 = range(-(1 << 63), 1 << 63)
_SUMMARY = b'"summaryEvent"'


@dataclass(frozen=True, slots=True)
class JournalEnvelope:
    """The range of sequence IDs in a batch, and the number of its entries.

    An entry without a 64-bit sequence ID counts, but does not widen the range; the range of none is 0 to 0.
    """

    first_sequence: int
    last_sequence: int
    count: int


@dataclass(frozen=True, slots=True)
class EventsEnvelope:
    """The range of sequence numbers in a batch of engine events, and what its summary says was changed.

    `resource_changes` is the text of `{"create": 2, ...}`, None unless the batch has the summary of a real update.
    """

    first_sequence: int
    last_sequence: int
    count: int
    resource_changes: bytes | None


class _Batch(msgspec.Struct):
    entries: Raw = jsontext.ABSENT
    events: Raw = jsontext.ABSENT


class _Sequences(msgspec.Struct):
    """Both spellings: journal entries have a `sequenceID`, events a `sequence`."""

    sequence_id: Raw = msgspec.field(default=jsontext.ABSENT, name="sequenceID")
    sequence: Raw = jsontext.ABSENT


class _Summary(msgspec.Struct, rename="camel"):
    is_preview: bool | None = None
    resource_changes: dict[str, int] | None = None


class _SummaryHolder(msgspec.Struct, rename="camel"):
    summary_event: Raw = jsontext.ABSENT


class _SummaryText(msgspec.Struct, rename="camel"):
    resource_changes: Raw = jsontext.ABSENT


_batch_decoder = msgspec.json.Decoder(_Batch)
_sequences_decoder = msgspec.json.Decoder(list[_Sequences])
_holders_decoder = msgspec.json.Decoder(list[_SummaryHolder])
_summary_decoder = msgspec.json.Decoder(_Summary)
_summary_text_decoder = msgspec.json.Decoder(_SummaryText)


def envelope(body: bytes) -> JournalEnvelope:
    """Returns the envelope of `{"entries": [...]}`; absent and null are an empty batch. Raises BadDocument."""
    items = _items(body, "entries", lambda batch: batch.entries)
    numbers = _numbers([item.sequence_id for item in jsontext.decode(items, _read_sequences)])
    return JournalEnvelope(*_range(numbers), len(numbers))


def events_envelope(body: bytes) -> EventsEnvelope:
    """Returns the envelope of `{"events": [...]}`; absent and null are an empty batch. Raises BadDocument."""
    items = _items(body, "events", lambda batch: batch.events)
    numbers = _numbers([item.sequence for item in jsontext.decode(items, _read_sequences)])
    changes = _resource_changes(items) if _SUMMARY in body else None
    return EventsEnvelope(*_range(numbers), len(numbers), changes)


def _items(body: bytes, name: str, choose: Callable[[_Batch], Raw]) -> bytes:
    """Returns the text of the batch's list, with lone surrogates hidden: they do not matter here."""
    shield = jsontext.shield_for([body])
    hidden = shield.hide(body)
    if not hidden.lstrip().startswith(b"{"):
        raise BadDocument("the batch must be a JSON object")
    found = jsontext.present(choose(jsontext.decode_new(hidden, _batch_decoder.decode)))
    if found is None:
        return b"[]"
    text = bytes(found)
    if not text.startswith(b"["):
        raise BadDocument(f"'{name}' must be a list")
    return text


def _read_sequences(items: bytes) -> list[_Sequences]:
    try:
        return _sequences_decoder.decode(items)
    except msgspec.ValidationError:
        raise BadDocument("every element of a batch must be an object") from None


def _numbers(texts: Sequence[Raw]) -> list[int | None]:
    return [_number(text) for text in texts]


def _number(text: Raw) -> int | None:
    try:
        number = msgspec.json.decode(text, type=int)
    except jsontext.JSON_ERRORS:
        return None
    return number if number in _INT64 else None


def _range(numbers: Sequence[int | None]) -> tuple[int, int]:
    known = [number for number in numbers if number is not None]
    return (min(known), max(known)) if known else (0, 0)


def _resource_changes(items: bytes) -> bytes | None:
    """Returns the changes in the last summary that is not a preview's."""
    for holder in reversed(_holders_decoder.decode(items)):
        try:
            summary = _summary_decoder.decode(holder.summary_event)
        except jsontext.JSON_ERRORS:
            continue
        if summary.is_preview or summary.resource_changes is None:
            continue
        return bytes(_summary_text_decoder.decode(holder.summary_event).resource_changes)
    return None
