"""Decodes text into nodes, with libyaml's parser behind PyYAML. Upstream's go-yaml is the same parser, so marks agree.

Only the first document of a stream is read. The parser's events are taken one at a time, so a document that is nested too
deeply, or too long, stops here.
"""

from typing import Any

import msgspec
import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]

from common.environments.language.limits import Limits
from common.environments.language.syntax import scalar
from common.environments.language.syntax.diagnostic import Diagnostic
from common.environments.language.syntax.node import (
    LITERAL_BLOCK,
    OTHER_STYLE,
    PLAIN,
    TAGGED,
    ArrayNode,
    BooleanNode,
    Node,
    NullNode,
    NumberNode,
    ObjectNode,
    ScalarNode,
    StringNode,
)
from common.environments.language.syntax.number import Number, Scalar
from common.environments.language.syntax.position import BYTE_ORDER_MARK, Positions

_KEY = "mapping keys must be strings"


class _Stop(Exception):
    """Decoding cannot go on."""


class Decoded:
    """The nodes of a document, and what was wrong with it. An empty text has an empty root."""

    __slots__ = ("diagnostics", "is_empty", "positions", "root")

    def __init__(self, name: str, text: str) -> None:
        """Begin with nothing decoded."""
        self.positions = Positions(name, text)
        self.diagnostics: list[Diagnostic] = []
        self.is_empty = not text
        self.root: Node | None = None


def decode(name: str, text: bytes, limits: Limits) -> Decoded:
    """Return the nodes of a text, for which `name` stands in ranges."""
    if len(text) > limits.document_bytes:
        return _failed(name, f"the definition is larger than {limits.document_bytes} bytes")
    try:
        decoded = Decoded(name, text.decode())
    except UnicodeDecodeError:
        return _failed(name, _invalid_unicode(text))
    try:
        _Composer(decoded, limits).compose()
    except _Stop as stop:
        decoded.diagnostics.append(Diagnostic(str(stop)))
        decoded.root = None
    return decoded


def _failed(name: str, summary: str) -> Decoded:
    decoded = Decoded(name, "")
    decoded.is_empty = False
    decoded.diagnostics.append(Diagnostic(summary))
    return decoded


def _invalid_unicode(text: bytes) -> str:
    try:
        parser = CParser(text)
        while parser.get_event() is not None:
            pass
    except yaml.YAMLError as error:
        return _yaml_error(error)
    return "yaml: invalid leading UTF-8 octet"


class _Text(msgspec.Struct):
    """What stands for a scalar that no event of the parser describes."""

    value: str
    start_mark: Any
    end_mark: Any


class _Composer:
    """Makes nodes of events. Open lists and mappings are on a stack, so depth costs no recursion."""

    def __init__(self, decoded: Decoded, limits: Limits) -> None:
        self.decoded = decoded
        self.positions = decoded.positions
        self.nesting = limits.nesting
        self.anchors: set[str] = set()
        self.complex_keys: list[Node] = []
        # Each open collection, and the key that waits for its value in a mapping.
        self.open: list[tuple[ArrayNode | ObjectNode, list[StringNode | None]]] = []

    def compose(self) -> None:
        parser = CParser(self.positions.text.removeprefix(BYTE_ORDER_MARK))
        try:
            while (event := parser.get_event()) is not None:
                kind = type(event)
                if kind is yaml.ScalarEvent:
                    self.add_scalar(event)
                elif kind is yaml.MappingStartEvent:
                    self.start(event, ObjectNode(self.positions, event))
                elif kind is yaml.SequenceStartEvent:
                    self.start(event, ArrayNode(self.positions, event))
                elif kind in _ENDS:
                    self.close(event)
                elif kind is yaml.AliasEvent:
                    self.alias(event)
                elif kind is yaml.DocumentEndEvent:
                    return
        except yaml.YAMLError as error:
            raise _Stop(_yaml_error(error)) from None

    def add_scalar(self, event: Any) -> None:  # noqa: ANN401 - PyYAML's events have no types
        if event.anchor is not None:
            self.anchors.add(event.anchor)
        tag = event.tag
        style, tag_length, problem = PLAIN, 0, ""
        value: Scalar = event.value
        try:
            if tag is not None and tag != "!":
                style, tag_length = OTHER_STYLE if event.style else TAGGED, scalar.short_tag_length(tag)
                value = scalar.resolve_tagged(event.value, tag)
            elif event.style:
                style = LITERAL_BLOCK if event.style == "|" else OTHER_STYLE
            else:
                value = scalar.resolve(event.value)
        except scalar.InvalidScalar as error:
            value, problem = None, str(error)
        node = _KINDS[type(value)](self.positions, event, style, tag_length)
        if isinstance(node, NumberNode | BooleanNode):
            node.value = value  # type: ignore[assignment]
        self.add(node, event)
        if problem:
            self.error(problem, node)

    def start(self, event: Any, node: ArrayNode | ObjectNode) -> None:  # noqa: ANN401
        if event.anchor is not None:
            self.anchors.add(event.anchor)
        if len(self.open) >= self.nesting:
            raise _Stop(f"the document is nested more than {self.nesting} levels deep")
        self.add(node, event)
        self.open.append((node, [None]))

    def close(self, event: Any) -> None:  # noqa: ANN401
        node, _ = self.open.pop()
        node.stop = event.end_mark.index + self.positions.shift
        if node in self.complex_keys:
            # Its range is known only now.
            self.error(_KEY, node)

    def alias(self, event: Any) -> None:  # noqa: ANN401
        if event.anchor not in self.anchors:
            raise _Stop(f"yaml: unknown anchor '{event.anchor}' referenced")
        # Its range is as long as the name.
        node = NullNode(self.positions, _Text(event.anchor, event.start_mark, event.end_mark), PLAIN, 0)
        self.add(node, event)
        self.error("alias nodes are not supported", node)

    def add(self, node: Node, event: Any) -> None:  # noqa: ANN401
        """Put a node where the innermost open collection expects it."""
        if not self.open:
            self.decoded.root = node
            return
        parent, waiting = self.open[-1]
        if isinstance(parent, ArrayNode):
            parent.append(node)
        elif waiting[0] is None:
            waiting[0] = node if type(node) is StringNode else self.bad_key(parent, node, event)
        else:
            parent.append(waiting[0], node)
            waiting[0] = None

    def bad_key(self, parent: ObjectNode, node: Node, event: Any) -> StringNode:  # noqa: ANN401
        """Report a key that is no string, and return one in its place."""
        text = node.text if isinstance(node, ScalarNode) else ""
        node.parent, node.step = parent, text
        if isinstance(node, ScalarNode):
            self.error(_KEY, node)
        else:
            self.complex_keys.append(node)
        return StringNode(self.positions, _Text(text, event.start_mark, event.end_mark), PLAIN, 0)

    def error(self, summary: str, node: Node) -> None:
        self.decoded.diagnostics.append(Diagnostic(summary, node.path, node.range))


_ENDS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
_KINDS: dict[type, type[ScalarNode]] = {
    str: StringNode,
    Number: NumberNode,
    bool: BooleanNode,
    type(None): NullNode,
}


def _yaml_error(error: yaml.YAMLError) -> str:
    """Return go-yaml's text of an error: `yaml: line 3: did not find expected key`."""
    if isinstance(error, yaml.reader.ReaderError):
        return f"yaml: {error.reason}"
    if not isinstance(error, yaml.MarkedYAMLError):
        return "yaml: unknown problem parsing YAML content"
    marks = (error.context_mark, error.problem_mark)
    line = next((mark.line for mark in marks if mark is not None and mark.line), 0)
    if line and isinstance(error, yaml.scanner.ScannerError):
        line += 1
    where = f"line {line}: " if line else ""
    return f"yaml: {where}{error.problem}"
