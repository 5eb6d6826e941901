"""The nodes of a decoded document. Ranges and paths are found when they are asked for: few of them ever are."""

from collections.abc import Iterable
from typing import Any

from common.environments.language.syntax import path as paths
from common.environments.language.syntax.number import Number
from common.environments.language.syntax.position import Pos, Positions, Range, Widths

PLAIN = 0
LITERAL_BLOCK = 1
TAGGED = 2
OTHER_STYLE = 3


class Node:
    """A part of a document."""

    __slots__ = ("_range", "column", "line", "parent", "positions", "start", "step", "stop")

    def __init__(self, positions: Positions, mark: Any) -> None:  # noqa: ANN401 - PyYAML's marks have no types
        """Stand at a mark of the parser."""
        self.positions = positions
        # Both from 1.
        self.line: int = mark.line + 1
        self.column: int = mark.column + 1
        # Where the source of the node begins and ends, in characters, as the parser says; edits of the text need it.
        self.start: int = mark.index + positions.shift
        self.stop: int = self.start
        self.parent: Node | None = None
        self.step: str | int = ""
        self._range: Range | None = None

    @property
    def range(self) -> Range:
        """The range the node covers, as upstream computes it."""
        if self._range is None:
            begin = self.positions.pos(self.line, self.column)
            self._range = Range(self.positions.environment, begin, self.positions.pos(*self.end()))
        return self._range

    @property
    def path(self) -> str:
        """The path from the root of the document."""
        steps = []
        node: Node | None = self
        while node is not None and node.parent is not None:
            steps.append(node.step)
            node = node.parent
        path = ""
        for step in reversed(steps):
            path = paths.join_index(path, step) if isinstance(step, int) else paths.join_key(path, step)
        return path

    def end(self) -> tuple[int, int]:
        """Return line and column of the end."""
        return self.line, self.column


class ScalarNode(Node):
    """A scalar with the text it is written with."""

    __slots__ = ("style", "tag_length", "text")

    def __init__(self, positions: Positions, event: Any, style: int, tag_length: int) -> None:  # noqa: ANN401
        """Hold the decoded text of an event; `tag_length` is the length of an explicit tag's short form."""
        super().__init__(positions, event.start_mark)
        self.stop = event.end_mark.index + positions.shift
        self.text: str = event.value
        self.style = style
        self.tag_length = tag_length

    def end(self) -> tuple[int, int]:
        """Return the end: neither quotes nor escapes are counted, and bytes are counted as columns (upstream)."""
        line, column, text = self.line, self.column, self.text
        if self.style == LITERAL_BLOCK:
            line += text.count("\n")
            text = text.rpartition("\n")[2]
        elif self.style == TAGGED:
            column += self.tag_length + 1
        return line, column + (len(text) if text.isascii() else len(text.encode("utf-8", "surrogateescape")))

    def part_range(self, start: int, end: int, widths: Widths) -> Range | None:
        """Return the range of some bytes of the text; None unless the scalar is plain and on one line."""
        whole = self.range
        begin = whole.begin
        if self.style != PLAIN or begin.line != whole.end.line:
            return None
        return Range(
            whole.environment,
            Pos(begin.line, begin.column + widths.cells_before(start), begin.byte + start),
            Pos(begin.line, begin.column + widths.cells_before(end), begin.byte + end),
        )


class NullNode(ScalarNode):
    """Null."""

    __slots__ = ()


class BooleanNode(ScalarNode):
    """True or false."""

    __slots__ = ("value",)
    value: bool


class NumberNode(ScalarNode):
    """A number."""

    __slots__ = ("value",)
    value: Number


class StringNode(ScalarNode):
    """A string; `text` is its value."""

    __slots__ = ()


class ArrayNode(Node):
    """A list."""

    __slots__ = ("elements", "is_flow")

    def __init__(self, positions: Positions, event: Any) -> None:  # noqa: ANN401
        """Begin empty."""
        super().__init__(positions, event.start_mark)
        # Whether it is written in brackets.
        self.is_flow = bool(event.flow_style)
        self.elements: list[Node] = []

    def append(self, element: Node) -> None:
        """Add an element."""
        element.parent, element.step = self, len(self.elements)
        self.elements.append(element)

    def end(self) -> tuple[int, int]:
        """Return the end of the last element."""
        return self.elements[-1].end() if self.elements else (self.line, self.column)


class ObjectNode(Node):
    """A mapping; keys may be repeated."""

    __slots__ = ("entries", "is_flow")

    def __init__(self, positions: Positions, event: Any) -> None:  # noqa: ANN401
        """Begin empty."""
        super().__init__(positions, event.start_mark)
        # Whether it is written in braces.
        self.is_flow = bool(event.flow_style)
        self.entries: list[tuple[StringNode, Node]] = []

    def append(self, key: StringNode, value: Node) -> None:
        """Add a member; its key has the same path as its value."""
        key.parent = value.parent = self
        key.step = value.step = key.text
        self.entries.append((key, value))

    def end(self) -> tuple[int, int]:
        """Return the end of the last value."""
        return self.entries[-1][1].end() if self.entries else (self.line, self.column)

    def find(self, name: str) -> Node | None:
        """Return the value of the first member with this name, or None."""
        return next((value for key, value in self.entries if key.text == name), None)


def walk(node: Node) -> Iterable[Node]:
    """Yield a node and every value below it, in the order of the document."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ArrayNode):
            waiting.extend(reversed(node.elements))
        elif isinstance(node, ObjectNode):
            waiting.extend(value for _, value in reversed(node.entries))
