"""Accesses such as `${a.b["c"][0]}`. The grammar is looser than its documentation: names may hold hyphens, slashes, colons.

The text is scanned byte by byte, as upstream does: where a byte of a longer character looks like a space, the name ends.
"""

from collections.abc import Callable

import msgspec

from common.environments.language.syntax.diagnostic import Diagnostic
from common.environments.language.syntax.node import StringNode
from common.environments.language.syntax.position import Range, Widths

_SPACES = frozenset(b"\t\n\v\f\r \x85\xa0")
_ENDS_NAME = _SPACES | frozenset(b".[}")
_CLOSE, _DOT, _OPEN_BRACKET, _CLOSE_BRACKET, _QUOTE, _BACKSLASH = b'}.[]"\\'
_INT64 = range(-(1 << 63), 1 << 63)
_INDEX_DIGITS = 20


class Accessor(msgspec.Struct, frozen=True):
    """One step of an access: a property's name or an element's index."""

    key: str | int
    range: Range | None = None


PropertyAccess = tuple[Accessor, ...]


class ScannedText:
    """The text of a string, as bytes, and how wide they are."""

    __slots__ = ("data", "node", "widths")

    def __init__(self, node: StringNode) -> None:
        """Encode a string once, for all accesses in it."""
        self.node = node
        self.data = node.text.encode("utf-8", "surrogateescape")
        self.widths = Widths(self.data)


class AccessScanner:
    """Scans one access, from behind its `${`."""

    def __init__(self, text: "ScannedText", offset: int, report: Callable[[Diagnostic], None]) -> None:
        """Scan a text from an offset; problems are reported on the part of it they are in, or all of it."""
        self.node = text.node
        self.data = text.data
        self.widths = text.widths
        self.offset = offset
        self.report = report
        self.accessors: list[Accessor] = []

    def scan(self) -> PropertyAccess:
        """Return the accessors, at least one; `offset` is then behind the access."""
        while True:
            byte = self.peek()
            if byte is None or byte in _SPACES:
                self.error(self.offset, "missing closing brace '}' in interpolation")
                return self.finish(self.offset)
            if byte == _CLOSE:
                self.offset += 1
                return self.finish(self.offset - 1)
            start = self.offset
            if byte in {_DOT, _OPEN_BRACKET}:
                self.offset += 1
            self.accessors.append(self.subscript(start) if byte == _OPEN_BRACKET else self.name(start))

    def finish(self, start: int) -> PropertyAccess:
        """Return what was scanned; nothing at all is one empty name."""
        return tuple(self.accessors) or (Accessor("", self.range_from(start)),)

    def name(self, start: int) -> Accessor:
        """Scan a name."""
        begin = self.offset
        while (byte := self.peek()) is not None and byte not in _ENDS_NAME:
            self.offset += 1
        if begin == self.offset:
            self.error(start, "property name must not be empty")
        return Accessor(text_of(self.data[begin : self.offset]), self.range_from(start))

    def subscript(self, start: int) -> Accessor:
        """Scan what follows an opening bracket."""
        if self.peek() is None:
            self.error(start, "subscript is missing closing bracket ']'")
            return Accessor("", self.range_from(start))
        if self.peek() == _QUOTE:
            self.offset += 1
            key: str | int = self.quoted_key(start)
        else:
            key = self.index(start)
        if self.peek() == _CLOSE_BRACKET:
            self.offset += 1
        else:
            self.error(start, "subscript is missing closing bracket ']'")
        return Accessor(key, self.range_from(start))

    def quoted_key(self, start: int) -> str:
        """Scan a key up to its closing quote."""
        key = bytearray()
        while (byte := self.peek()) is not None:
            self.offset += 1
            if byte == _QUOTE:
                if not key:
                    self.error(start + 1, "key subscript must not be empty")
                return text_of(bytes(key))
            if byte == _BACKSLASH and self.peek() == _QUOTE:
                self.offset += 1
                byte = _QUOTE
            key.append(byte)
        self.error(start + 1, "key subscript is missing closing quote '\"'")
        return text_of(bytes(key))

    def index(self, start: int) -> str | int:
        """Scan an index; text that is no number stays a key."""
        begin = self.offset
        while (byte := self.peek()) is not None and byte != _CLOSE_BRACKET and byte not in _ENDS_NAME:
            self.offset += 1
        digits = self.data[begin : self.offset]
        unsigned = digits[1:] if digits[:1] in {b"-", b"+"} else digits
        if not unsigned.isdigit() or len(unsigned.lstrip(b"0")) > _INDEX_DIGITS or int(digits) not in _INT64:
            self.error(start + 1, "numeric subscript must be a positive base-10 integer")
            return text_of(digits)
        if not self.accessors:
            text = "the first accessor must be a property name or key subscript, not a numeric subscript"
            self.error(start, text)
        return int(digits)

    def peek(self) -> int | None:
        """Return the next byte, or None at the end."""
        return self.data[self.offset] if self.offset < len(self.data) else None

    def range_from(self, start: int) -> Range | None:
        """Return the range from an offset to here."""
        return self.node.part_range(start, self.offset, self.widths)

    def error(self, start: int, summary: str) -> None:
        """Report a problem from an offset to here."""
        self.report(Diagnostic(summary, self.node.path, self.range_from(start) or self.node.range))


def text_of(data: bytes) -> str:
    """Return bytes as text; those that are not UTF-8 survive as surrogates."""
    return data.decode("utf-8", "surrogateescape")
