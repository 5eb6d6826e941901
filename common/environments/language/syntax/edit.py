"""Edits of a text at the places of its nodes. Every byte outside of what changes stays: comments, blank lines, line ends."""

from common.environments.language.syntax import write
from common.environments.language.syntax.node import ArrayNode, Node, ObjectNode, ScalarNode

# What YAML takes for blank; other spaces are text.
BLANKS = " \t\r\n"
_INDENT = 2


class Edits:
    """Collects replacements of spans, and makes them all at once."""

    def __init__(self, text: str) -> None:
        """Begin with a text as it is."""
        self.text = text
        self.newline = "\r\n" if "\r\n" in text else "\n"
        self._spans: list[tuple[int, int, str]] = []

    def replace(self, start: int, stop: int, replacement: str) -> None:
        """Replace a span of the text; spans do not overlap."""
        self._spans.append((start, stop, replacement))

    def apply(self) -> str:
        """Return the text with all replacements."""
        pieces: list[str] = []
        at = 0
        for start, stop, replacement in sorted(self._spans):
            pieces += (self.text[at:start], replacement)
            at = stop
        return "".join(pieces) + self.text[at:]

    def line_start(self, at: int) -> int:
        """Return where the line of a place begins."""
        return self.text.rfind("\n", 0, at) + 1

    def line_end(self, at: int) -> int:
        """Return where the line of a place ends, before its line end."""
        end = self.text.find("\n", at)
        end = len(self.text) if end < 0 else end
        return end - 1 if end > at and self.text[end - 1] == "\r" else end

    def column(self, at: int) -> int:
        """Return how many characters precede a place in its line."""
        return at - self.line_start(at)

    def newline_at(self, at: int) -> str:
        """Return the line end of the line of a place; that of the document where it is the last."""
        end = self.text.find("\n", at)
        if end < 0:
            return self.newline
        return "\r\n" if self.text[end - 1 : end] == "\r" else "\n"


def content_stop(node: Node) -> int:
    """Return where what a node says ends: the parser counts blank lines and comments after it as part of it."""
    if isinstance(node, ScalarNode):
        source = node.positions.text[node.start : node.stop]
        return node.start + len(source.rstrip(BLANKS))
    if isinstance(node, ArrayNode | ObjectNode) and not node.is_flow:
        children = node.elements if isinstance(node, ArrayNode) else [value for _, value in node.entries]
        return max((content_stop(child) for child in children), default=node.stop)
    return node.stop


def is_in_flow(node: Node) -> bool:
    """Tell whether a node stands in brackets or braces."""
    parent = node.parent
    while parent is not None:
        if isinstance(parent, ArrayNode | ObjectNode) and parent.is_flow:
            return True
        parent = parent.parent
    return False


def last_scalar(node: Node) -> Node:
    """Return the last node in a node that holds no others."""
    while isinstance(node, ArrayNode | ObjectNode) and not node.is_flow:
        children = node.elements if isinstance(node, ArrayNode) else [value for _, value in node.entries]
        if not children:
            break
        node = children[-1]
    return node


def string(text: str, indent: int, newline: str, *, may_span_lines: bool) -> str:
    """Return a string as it is written outside of brackets: over several lines as a block, where that is possible."""
    if not may_span_lines or not write.allows_block(text) or text.startswith((" ", "\n")):
        return write.inline(text)
    return write.block(text, indent + _INDENT, _INDENT).rstrip("\n").replace("\n", newline)
