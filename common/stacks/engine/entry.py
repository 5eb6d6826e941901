"""Journal entries as clients send them: reading, deduplicating and putting them in order.

Only the envelope of an entry is typed. Its payloads stay text until they are used: a failure entry, for example, may have a
state that is never read. Source: sdk/go/common/apitype/journal.go at v3.274.1, state.md 6.3.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import zip_longest
from typing import TypeVar

import msgspec
from msgspec import Raw

from common.stacks.engine import counting, envelope, jsontext, resource
from common.stacks.engine.jsontext import JSON_ERRORS, BadDocument
from common.stacks.engine.resource import Resource

T = TypeVar("T")

# The approximate memory of an entry or a resource beside its text.
ENTRY_BYTES = 512
_INT64 = range(-(1 << 63), 1 << 63)
_MOST_DAMAGE = 1000
_LONGEST_FINDING = 1000
_PLAIN_VERSION = 1
_MIGRATION_VERSION = 2


class MalformedEntry(ValueError):
    """An entry that must be skipped as a whole; the message says why."""


class Damage(list[str]):
    """The errors in a journal. A long list is cut off, since a journal that is damaged throughout repeats the same error."""

    def append(self, finding: str) -> None:
        """Add an error, unless there are very many."""
        if len(self) < _MOST_DAMAGE:
            super().append(finding[:_LONGEST_FINDING])


class Kind(IntEnum):
    """The event that an entry reports."""

    BEGIN = 0
    SUCCESS = 1
    FAILURE = 2
    REFRESH_SUCCESS = 3
    OUTPUTS = 4
    WRITE = 5
    SECRETS_MANAGER = 6
    REBUILT_BASE_STATE = 7
    EXTENSION_PARAMETERIZE = 8
    SNIPPETS = 9
    STATE_MIGRATION = 10


class LayoutItem(msgspec.Struct, frozen=True, rename="camel"):
    """A place in the base after a state migration; exactly one of the two is set."""

    base_index: int | None = None
    state_index: int | None = None


class BasePatch(msgspec.Struct, frozen=True, rename="camel"):
    """A complete replacement of a resource that the migration keeps, by its old index."""

    state: Raw
    index: int = 0


class NewPatch(msgspec.Struct, frozen=True, rename="camel"):
    """A complete replacement of a resource that this update created, by its operation."""

    state: Raw
    operation_id: int = msgspec.field(default=0, name="operationID")


class Entry(msgspec.Struct, gc=False, rename="camel"):
    """One journal entry. Index 0 is a valid base index, so an absent index is None."""

    version: int | None = None
    kind: int | None = None
    sequence_id: int | None = msgspec.field(default=None, name="sequenceID")
    operation_id: int | None = msgspec.field(default=None, name="operationID")
    remove_old: int | None = None
    remove_new: int | None = None
    pending_replacement_old: int | None = None
    pending_replacement_new: int | None = None
    delete_old: int | None = None
    delete_new: int | None = None
    is_refresh: bool | None = None
    requires_byte_string: bool | None = None
    state: Raw = jsontext.ABSENT
    operation: Raw = jsontext.ABSENT
    secrets_provider: Raw = jsontext.ABSENT
    new_snapshot: Raw = jsontext.ABSENT
    snippets: Raw = jsontext.ABSENT
    extension_ref: str | None = None
    extension: Raw = jsontext.ABSENT
    layout: Raw = jsontext.ABSENT
    states: Raw = jsontext.ABSENT
    base_state_patches: Raw = jsontext.ABSENT
    new_state_patches: Raw = jsontext.ABSENT
    remove_olds: Raw = jsontext.ABSENT

    @property
    def operation_key(self) -> int:
        """The operation's ID; upstream always writes it, and an absent one decodes to 0."""
        return self.operation_id or 0

    def known_kind(self) -> Kind:
        """Return the kind; raises MalformedEntry for kinds and versions that upstream rejects."""
        try:
            kind = Kind(self.kind or 0)
        except ValueError:
            raise MalformedEntry(f"unknown kind {self.kind}") from None
        if self.version not in (_PLAIN_VERSION, _MIGRATION_VERSION):
            raise MalformedEntry(f"unknown version {self.version}")
        if kind is Kind.STATE_MIGRATION and self.version != _MIGRATION_VERSION:
            raise MalformedEntry("a state migration needs version 2")
        return kind

    def read_state(self) -> Resource | None:
        """Return the resulting resource, if there is one; raises MalformedEntry."""
        text = jsontext.present(self.state)
        return read_resource(text, "state") if text is not None else None


_entry_decoder = msgspec.json.Decoder(Entry)
_batch_decoder = msgspec.json.Decoder(dict[str, Raw])


class TooMuch(ValueError):
    """A journal needs more memory than its replay may use; the message is for a person."""


@dataclass(frozen=True, slots=True)
class Part:
    """A batch of a journal: the lowest sequence ID in it, and a function that reads its text."""

    first_sequence: int
    read: Callable[[], bytes]


def part_of(batch: bytes) -> Part:
    """Return a batch that is in memory."""
    try:
        first = envelope.envelope(batch).first_sequence
    except BadDocument:
        first = 0
    return Part(first, lambda: batch)


def in_order(parts: Sequence[Part], damage: Damage, ceiling_bytes: int) -> Iterator[tuple[Entry, int]]:
    """Yield (entry, its approximate memory) by sequence ID, of each ID the entry that arrived first.

    Batches, listed as they arrived, may be out of order, repeated and overlapping. Each is read once, and its entries are kept
    until no remaining batch can contain an earlier one; TooMuch if they need more memory than the ceiling. Entries that cannot be
    read are added to the damage, and so is an entry without a 64-bit sequence ID: it could be a repetition.
    """
    waiting: dict[int, tuple[int, Entry, int]] = {}  # sequence ID → number of its batch, the entry, its memory
    following: list[int] = []  # a heap of the sequence IDs
    size = 0
    numbers = sorted(range(len(parts)), key=lambda number: (parts[number].first_sequence, number))
    for number, next_number in zip_longest(numbers, numbers[1:]):
        for entry, sequence, taken in _entries(parts[number].read(), damage):
            before = waiting.get(sequence)
            if before is not None and before[0] <= number:
                continue
            if before is None:
                heapq.heappush(following, sequence)
            waiting[sequence] = (number, entry, taken)
            size += taken - (before[2] if before is not None else 0)
            if size > ceiling_bytes:
                raise TooMuch(f"its batches overlap so that more than {ceiling_bytes:,} bytes have to be read at once")
        horizon = parts[next_number].first_sequence if next_number is not None else None
        while following and (horizon is None or following[0] < horizon):
            _, entry, taken = waiting.pop(heapq.heappop(following))
            size -= taken
            yield entry, taken


def _entries(batch: bytes, damage: Damage) -> Iterator[tuple[Entry, int, int]]:
    """Yield (entry, its sequence ID, its approximate memory).

    An entry has a copy of its own text only, so that the batch need not stay in memory.
    """
    for text in _entry_texts(batch, damage):
        try:
            entry = _entry_decoder.decode(bytes(text))
        except JSON_ERRORS as error:
            damage.append(f"an entry cannot be read: {error}")
            continue
        if entry.sequence_id is None or entry.sequence_id not in _INT64:
            damage.append(f"an entry of kind {entry.kind} has no sequence ID")
            continue
        yield entry, entry.sequence_id, ENTRY_BYTES + len(text)


def read_resource(text: Raw, member: str) -> Resource:
    """Return the resource in a member of an entry; raises MalformedEntry if a client could not read it either."""
    return payload(text, resource.read, member)


def payload(text: Raw | None, reader: Callable[[Raw], T], member: str) -> T:
    """Return the value of a member that the entry must have, as the reader returns it; raises MalformedEntry."""
    member_text = jsontext.present(text)
    if member_text is None:
        raise MalformedEntry(f"'{member}' is missing")
    try:
        _require_few(member_text)
        return reader(member_text)
    except (*JSON_ERRORS, BadDocument) as error:
        raise MalformedEntry(f"'{member}' cannot be read: {error}") from None


def _require_few(text: Raw) -> None:
    if len(text) < counting.SHORT_BYTES:
        return
    if bytes(text).startswith(b"["):
        counting.require_few_items(text, "the list")
    else:
        counting.require_few_members(text, "the object")


def _entry_texts(batch: bytes, damage: Damage) -> list[Raw]:
    try:
        envelope.require_few(batch)
    except counting.TooMany:
        raise TooMuch("a batch has more entries than any client sends at once") from None
    try:
        listed = jsontext.present(jsontext.decode(batch, _batch_decoder.decode).get("entries"))
        return jsontext.decode(listed, jsontext.open_list) if listed is not None else []
    except BadDocument as error:
        damage.append(f"a batch of entries cannot be read: {error}")
        return []
