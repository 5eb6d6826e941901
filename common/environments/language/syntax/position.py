"""Where things stand in a document: lines, columns and bytes, approximated exactly as upstream approximates them.

Columns count characters, bytes are found by the width of what the line shows. Clients compare the numbers, so what looks
inaccurate in here is meant (esc.md 2.5; upstream: syntax/encoding/yaml.go).
"""

import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property

import msgspec

BYTE_ORDER_MARK = "\ufeff"
_JOINER = "\u200d"
_JOINERS = {_JOINER, "\u200c"}
_REGIONAL = range(0x1F1E6, 0x1F200)
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_INVISIBLE = {"Mn", "Me", "Cf", "Cc", "Zl", "Zp"}


class Pos(msgspec.Struct, frozen=True, gc=False):
    """A place in a text: line and column from 1, byte from 0. All zero for what is in no text."""

    line: int = 0
    column: int = 0
    byte: int = 0


NO_POS = Pos()


class Range(msgspec.Struct, frozen=True, gc=False):
    """A part of the definition of an environment."""

    environment: str = ""
    begin: Pos = NO_POS
    end: Pos = NO_POS


class Positions:
    """Finds the bytes of the lines and columns of one document."""

    def __init__(self, environment: str, text: str) -> None:
        """Index nothing yet: most documents have few ranges that are ever shown."""
        self.environment = environment
        self.text = text
        # The parser does not count a byte order mark.
        self.shift = int(text.startswith(BYTE_ORDER_MARK))

    @cached_property
    def lines(self) -> list[tuple[int, bytes]]:
        """The offset and the text of each line."""
        lines = []
        offset = 0
        for line in self.text.encode("utf-8", "surrogateescape").split(b"\n"):
            lines.append((offset, line))
            offset += len(line) + 1
        return lines

    def pos(self, line: int, column: int) -> Pos:
        """Return a position; its byte is 0 in a last line without line feed."""
        if line >= len(self.lines):
            return Pos(line, column)
        offset, text = self.lines[line - 1]
        if text.isascii():
            return Pos(line, column, offset + column - 1)
        if line not in self._widths:
            self._widths[line] = Widths(text)
        return Pos(line, column, offset + self._widths[line].byte_at(column - 1))

    @cached_property
    def _widths(self) -> "dict[int, Widths]":
        return {}


class Widths:
    """How many cells the beginning of a text takes: looked up, since a long line may hold many nodes."""

    def __init__(self, text: bytes) -> None:
        """Measure a text once."""
        self._is_ascii = text.isascii()
        self._length = len(text)
        # The byte and the cell at which each cluster begins; then those of the end.
        self._bytes: list[int] = []
        self._cells: list[int] = []
        if not self._is_ascii:
            self._measure(text.decode("utf-8", "surrogateescape"))

    def byte_at(self, cells: int) -> int:
        """Return the byte where the text has taken so many cells."""
        if self._is_ascii:
            return min(cells, self._length)
        return self._bytes[min(bisect_left(self._cells, cells), len(self._bytes) - 1)]

    def cells_before(self, byte: int) -> int:
        """Return how many cells the text before a byte takes."""
        return byte if self._is_ascii else self._cells[min(bisect_left(self._bytes, byte), len(self._cells) - 1)]

    def _measure(self, text: str) -> None:
        byte = cell = 0
        for cluster, cells in clusters(text):
            self._bytes.append(byte)
            self._cells.append(cell)
            byte += len(cluster.encode("utf-8", "surrogateescape"))
            cell += cells
        self._bytes.append(byte)
        self._cells.append(cell)


def clusters(text: str) -> Iterator[tuple[str, int]]:
    """Yield what a reader sees as one character, with its width in cells."""
    start = 0
    while start < len(text):
        end = _cluster_end(text, start)
        yield text[start:end], _cells(text[start])
        start = end


def _cluster_end(text: str, start: int) -> int:
    end = start + 1
    if ord(text[start]) in _REGIONAL and end < len(text) and ord(text[end]) in _REGIONAL:
        end += 1
    while end < len(text):
        is_joined = text[end - 1] == _JOINER and _cells(text[end]) == 2
        if not is_joined and not _extends(text[end]):
            break
        end += 1
    return end


def _extends(character: str) -> bool:
    """Tell whether a character belongs to the one before it."""
    is_mark = unicodedata.category(character) in {"Mn", "Me", "Mc"}
    return is_mark or character in _JOINERS or ord(character) in _SKIN_TONES


def _cells(character: str) -> int:
    if unicodedata.east_asian_width(character) in {"W", "F"} or ord(character) in _REGIONAL:
        return 2
    return 0 if unicodedata.category(character) in _INVISIBLE else 1
