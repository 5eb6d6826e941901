"""JSON that stays text: values are cut out as `msgspec.Raw` and put back byte for byte.

A state must keep its number spelling, member order, escapes and unknown members. So this module decodes no whole document: it
opens only the top level of an object, and encodes only members that change.
"""

import codecs
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias, TypeVar

import msgspec
from msgspec import Raw

T = TypeVar("T")
Members: TypeAlias = dict[str, Raw]

# The errors of decoding invalid text. A RecursionError means that it is nested too deeply.
JSON_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

# The value of an absent raw member after typed decoding; `Raw | None` would only accept null.
ABSENT = Raw(b"")

_ABSENT_TEXTS = (b"", b"null")
_EMPTY = frozenset((b"null", b'""', b"[]", b"{}", b"false"))
_UTF8_CHUNK_BYTES = 1 << 20
_BLANKS = (b" ", b"\n", b"\t", b"\r")
_BLANKS_MATTER_BYTES = 64 << 10
# Python frames that are added while a new document is checked, so that a later reader on a deeper stack succeeds too.
_SPARE_FRAMES = 100

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_SURROGATES = re.compile(
    rb"(?<!\\)((?:\\\\)*)"  # an even number of backslashes does not escape what follows
    rb"(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_PAIR_BYTES = 12
# Each takes a hundred bytes while it is hidden.
_MOST_SURROGATES = 1_000_000
_MARKS = range(0x10FFFD, 0x10F000, -1)  # private use characters, one of which stands for the `\u` of a lone surrogate
_ANY_MARK = re.compile(rb"\xf4\x8f[\x80-\xbf]{2}")  # all of them in UTF-8
_ESCAPED_MARK = re.compile(rb"\\u[dD][bB][fF][c-fC-F]\\u[dD][c-fC-F][0-9a-fA-F]{2}")

_members_decoder = msgspec.json.Decoder(Members)
_list_decoder = msgspec.json.Decoder(list[Raw])


class BadDocument(ValueError):
    """Text that is not the JSON document it should be; the message is for a person."""


@dataclass(frozen=True, slots=True)
class Shield:
    r"""Hides lone surrogate escapes (`\ud83d`) from the decoder, which rejects them, and restores them afterwards.

    Go's decoder accepts them, so they occur in states. Each `\u` is replaced by a character the texts do not contain. A lossy
    shield writes U+FFFD instead, as Go does: only for texts that contain every possible mark.
    """

    mark: bytes = b""
    lossy: bool = False

    def hide(self, text: bytes) -> bytes:
        """Return the text with every lone surrogate escape hidden; raises BadDocument for too many of them."""
        if not (self.mark or self.lossy) or not _SURROGATE.search(text):
            return text
        if len(text) > _PAIR_BYTES // 2 * _MOST_SURROGATES:
            number = sum(1 for _ in islice(_SURROGATE.finditer(text), _MOST_SURROGATES + 1))
            if number > _MOST_SURROGATES:
                raise BadDocument(f"the document has more than {_MOST_SURROGATES:,} surrogate escapes")
        return _SURROGATES.sub(self._hide_one, text)

    def show(self, text: bytes) -> bytes:
        """Return the text, as plain bytes, with the hidden escapes restored."""
        return bytes(text).replace(self.mark, rb"\u") if self.mark else bytes(text)

    def show_words(self, text: str) -> str:
        """Return a message about a hidden text with its escapes restored."""
        return text.replace(self.mark.decode(), "\\u") if self.mark else text

    def _hide_one(self, match: re.Match[bytes]) -> bytes:
        escape = match[2]
        if len(escape) == _PAIR_BYTES:
            return match[0]
        return match[1] + (rb"\ufffd" if self.lossy else self.mark + escape[2:])


def shield_for(texts: Iterable[bytes]) -> Shield:
    """Return one shield for all texts; most texts need none, which costs one search."""
    texts = list(texts)
    if not any(_SURROGATE.search(text) for text in texts):
        return Shield()
    return shield_beside(used_marks(texts))


def used_marks(texts: Iterable[bytes]) -> set[bytes]:
    """Return the possible marks that the texts contain, as characters or escaped, in one pass over each text."""
    used: set[bytes] = set()
    for text in texts:
        used.update(match[0] for match in _ANY_MARK.finditer(text))
        used.update(msgspec.json.decode(b'"%b"' % match[0]).encode() for match in _ESCAPED_MARK.finditer(text))
    return used


def uses_mark(text: bytes, mark: bytes) -> bool:
    """Tell whether a text contains a mark, as a character or escaped; most texts have no such escape."""
    return mark in text or (b"\\u" in text and mark in used_marks([text]))


def shield_beside(used: Collection[bytes]) -> Shield:
    """Return a shield with an unused mark."""
    free = next((code for code in _MARKS if chr(code).encode() not in used), None)
    return Shield(chr(free).encode()) if free is not None else Shield(lossy=True)


def decode(text: bytes, reader: Callable[[bytes], T]) -> T:
    """Return the reader's result for a text that was checked before; raises BadDocument."""
    try:
        return reader(text)
    except RecursionError:
        raise BadDocument("the document is nested too deeply") from None
    except JSON_ERRORS as error:
        raise BadDocument(str(error)) from None


def decode_new(text: bytes, reader: Callable[[bytes], T]) -> T:
    """Return the reader's result for a text from a client, which must be UTF-8 and not nested too deeply; raises BadDocument."""
    require_utf8(text)
    return decode(text, lambda whole: _deeper(_SPARE_FRAMES, reader, whole))


def require_utf8(text: bytes) -> None:
    """Raise BadDocument if the text is not UTF-8, without making a second copy of it."""
    if text.isascii():
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(text)
    try:
        for start in range(0, len(view), _UTF8_CHUNK_BYTES):
            decoder.decode(view[start : start + _UTF8_CHUNK_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise BadDocument("the document is not valid UTF-8") from None


def open_object(text: bytes) -> Members:
    """Return the members of an object as raw text; raises one of JSON_ERRORS."""
    return _members_decoder.decode(text)


def open_list(text: bytes) -> list[Raw]:
    """Return the elements of a list as raw text; raises one of JSON_ERRORS."""
    return _list_decoder.decode(text)


def find_object(text: bytes | None) -> Members | None:
    """Return the members of an object, or None for an absent text and another value."""
    if text is None:
        return None
    try:
        return open_object(text)
    except JSON_ERRORS:
        return None


def find_list(text: bytes | None) -> list[Raw] | None:
    """Return the elements of a list, or None for an absent text and another value."""
    if text is None:
        return None
    try:
        return open_list(text)
    except JSON_ERRORS:
        return None


def find_text(text: bytes | None) -> str | None:
    """Return the value of a JSON string, or None for an absent text and another value."""
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=str)
    except JSON_ERRORS:
        return None


def raw(value: object) -> Raw:
    """Return the JSON text of a value; Raw inside it is written as it is."""
    return Raw(msgspec.json.encode(value))


def present(text: Raw | None) -> Raw | None:
    """Return the member's text, or None if it is absent or null."""
    return text if text is not None and bytes(text) not in _ABSENT_TEXTS else None


def is_empty(text: bytes | None) -> bool:
    """Tell whether upstream's encoder would leave the member out: absent, null, false, or an empty text, list, object."""
    return text is None or compact(text) in _EMPTY


def compact(text: bytes) -> bytes:
    """Return the JSON text without white space between tokens, or the text itself if it is not JSON."""
    try:
        return msgspec.json.format(bytes(text), indent=-1)
    except JSON_ERRORS:
        return bytes(text)


def without_blanks(text: bytes) -> bytes | None:
    """Return the JSON text without white space between tokens if most of the text is white space, otherwise None."""
    if len(text) < _BLANKS_MATTER_BYTES or 2 * sum(map(text.count, _BLANKS)) < len(text):
        return None
    shield = shield_for([text])
    shorter = shield.show(compact(shield.hide(text)))
    return shorter if 2 * len(shorter) < len(text) else None


def same_text(first: bytes | None, second: bytes | None) -> bool:
    """Tell whether two values have the same text apart from white space; absent and empty are the same."""
    if first is None or second is None:
        return is_empty(first) and is_empty(second)
    return bytes(first) == bytes(second) or compact(first) == compact(second) or (is_empty(first) and is_empty(second))


def write_object(members: Mapping[str, Raw]) -> bytes:
    """Return the text of an object with members that are texts."""
    return msgspec.json.encode(members)


def object_pieces(members: Mapping[str, Raw | Sequence[bytes]]) -> list[bytes]:
    """Return the text of an object in pieces; a value may be in pieces itself."""
    pieces: list[bytes] = []
    for name, value in members.items():
        pieces += (b"," if pieces else b"{", msgspec.json.encode(name), b":")
        pieces += [value] if isinstance(value, Raw) else value
    return [*pieces, b"}"] if pieces else [b"{}"]


def _deeper(frames: int, reader: Callable[[bytes], T], text: bytes) -> T:
    return _deeper(frames - 1, reader, text) if frames else reader(text)
