"""Checkpoints that a client sends as text edits of the checkpoint before. Works on bytes and never reads the JSON.

Source: state.md 5.3 and B.2; pkg/backend/httpstate/diffs.go at 1b5949891b.
"""

import hashlib
from collections.abc import Sequence
from typing import Annotated

import msgspec

from common.stacks.engine import counting, jsontext

# The range of the database's column and of the client's int64.
SequenceNumber = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]


# Each edit takes several hundred bytes of memory; a client sends the whole text instead when there are many.
MOST_EDITS = 100_000


class DeltaError(ValueError):
    """A delta that does not fit the stored text; the client then sends the whole text again."""


class Position(msgspec.Struct, frozen=True):
    """A place in the old text, in UTF-8 bytes; upstream's line and column carry no information."""

    offset: int


class Span(msgspec.Struct, frozen=True):
    """The part of the old text that an edit replaces."""

    start: Position
    end: Position


class Edit(msgspec.Struct, frozen=True):
    """One replacement; all edits of a delta refer to the same old text."""

    span: Span = msgspec.field(name="Span")
    new_text: str = msgspec.field(name="NewText")


class Delta(msgspec.Struct, frozen=True, rename="camel"):
    """The body of `PATCH U/checkpointdelta`; `version` is the deployment's schema version."""

    checkpoint_hash: str
    sequence_number: SequenceNumber
    version: int = 0
    deployment_delta: tuple[Edit, ...] | None = None


class _Outline(msgspec.Struct, rename="camel"):
    deployment_delta: msgspec.Raw = jsontext.ABSENT


_outline_decoder = msgspec.json.Decoder(_Outline)
_delta_decoder = msgspec.json.Decoder(Delta)


def parse(body: bytes) -> Delta:
    """Return the request; raises BadDocument."""
    if len(body) >= counting.SHORT_BYTES:
        outline = jsontext.decode_new(body, _outline_decoder.decode)
        counting.require_few_items(outline.deployment_delta, "the delta", MOST_EDITS)
    return jsontext.decode_new(body, _delta_decoder.decode)


def apply(base: bytes, edits: Sequence[Edit], checkpoint_hash: str) -> bytes:
    """Return the new text; raises DeltaError unless the edits fit the base and the result has the hash."""
    result = b"".join(_pieces(base, sorted(edits, key=lambda edit: (edit.span.start.offset, edit.span.end.offset))))
    if digest(result) != checkpoint_hash:
        raise DeltaError("the edited checkpoint does not have the announced hash")
    return result


def digest(text: bytes) -> str:
    """Return a checkpoint's hash as clients write it: SHA-256 in lower-case hex."""
    return hashlib.sha256(text).hexdigest()


def _pieces(base: bytes, edits: Sequence[Edit]) -> list[bytes | memoryview]:
    view, position = memoryview(base), 0
    pieces: list[bytes | memoryview] = []
    for edit in edits:
        start, end = edit.span.start.offset, edit.span.end.offset
        if not position <= start <= end <= len(base):
            raise DeltaError(f"an edit of bytes {start} to {end} overlaps another or leaves the text of {len(base)} bytes")
        pieces.extend((view[position:start], edit.new_text.encode()))
        position = end
    pieces.append(view[position:])
    return pieces
