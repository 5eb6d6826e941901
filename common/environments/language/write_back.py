"""Writes values into the text of a definition: the new states of rotated secrets. What is not written to stays as it is.

Upstream writes the whole document again (eval/patch.go).
"""

from collections.abc import Iterable

from common.environments.language.environment import EscValue
from common.environments.language.limits import Limits
from common.environments.language.projection import to_plain
from common.environments.language.rotation import Patch
from common.environments.language.syntax import edit, write
from common.environments.language.syntax import path as paths
from common.environments.language.syntax.decode import decode
from common.environments.language.syntax.diagnostic import has_errors
from common.environments.language.syntax.node import ArrayNode, BooleanNode, Node, NullNode, NumberNode, ObjectNode, ScalarNode
from common.environments.language.syntax.number import Number
from common.environments.language.values.plain import Json, to_json
from common.environments.language.values.yaml_text import to_block

_LIMITS = Limits()


class CannotWrite(ValueError):
    """A value cannot be written to a place of a text; the message says why."""


def apply_patches(text: bytes, patches: Iterable[Patch], limits: Limits = _LIMITS) -> bytes:
    """Return a definition with the results of a rotation in it. Secrets are in clear: encrypt before you store it."""
    for patch in patches:
        text = set_value(text, paths.parse(patch.path), to_document(patch.replacement), limits)
    return text


def to_document(value: EscValue) -> Json:
    """Return a value as a definition writes it: secrets as calls of `fn::secret`, and text that means nothing else."""
    if value.secret:
        content = to_plain(value, is_redacted=False)
        if isinstance(content, str) and not isinstance(content, Number):
            return {"fn::secret": content}
        return {"fn::fromJSON": {"fn::secret": to_json(content)}}
    if isinstance(value.value, list):
        return [to_document(element) for element in value.value]
    if isinstance(value.value, dict):
        return {_escaped(name): to_document(member) for name, member in value.value.items()}
    if isinstance(value.value, str) and not isinstance(value.value, Number):
        return _escaped(value.value)
    return value.value


def set_value(text: bytes, path: paths.Path, content: Json, limits: Limits = _LIMITS) -> bytes:
    """Return a text with a value at a path, which is created where it is missing; raises CannotWrite."""
    decoded = decode("", text, limits)
    if has_errors(decoded.diagnostics):
        raise CannotWrite(decoded.diagnostics[0].summary)
    edits = edit.Edits(decoded.positions.text)
    root = decoded.root
    if root is None or isinstance(root, NullNode):
        written = text.rstrip() + b"\n" if text.strip() else b""
        return written + to_block(_nested(path, content), 0).encode()
    _Writer(edits).write(root, path, content)
    changed = edits.apply().encode()
    _require(changed, path, content, limits)
    return changed


class _Writer:
    """Writes one value."""

    def __init__(self, edits: edit.Edits) -> None:
        self.edits = edits

    def write(self, node: Node, path: paths.Path, content: Json) -> None:
        for position, step in enumerate(path):
            rest = path[position + 1 :]
            child: Node | None = None
            if isinstance(node, NullNode):
                self.replace(node, _nested(path[position:], content))
                return
            if isinstance(node, ObjectNode) and isinstance(step, str):
                child = node.find(step)
                if child is None:
                    self.insert(node, step, _nested(rest, content))
                    return
            elif isinstance(node, ArrayNode) and isinstance(step, int) and step < len(node.elements):
                child = node.elements[step]
            if child is None:
                raise CannotWrite(f"{paths.join(path[: position + 1])}: expected an array or an object")
            node = child
        self.replace(node, content)

    def replace(self, node: Node, content: Json) -> None:
        edits, stop = self.edits, edit.content_stop(node)
        if edit.is_in_flow(node):
            edits.replace(node.start, stop, to_json(content))
            return
        start = edits.text.rfind(":", 0, node.start) + 1
        gap = edits.text[start : node.start]
        if isinstance(node.parent, ObjectNode) and not gap.strip(edit.BLANKS) and "\n" not in gap:
            key = next(key for key, value in node.parent.entries if value is node)
            edits.replace(start, stop, self.after_colon(content, edits.column(key.start)))
        else:
            column = edits.column(node.start)
            edits.replace(node.start, stop, self.lines(content, column)[column:])

    def insert(self, node: ObjectNode, name: str, content: Json) -> None:
        """Add a member at the end."""
        edits = self.edits
        if not node.entries and not edit.is_in_flow(node):
            self.replace(node, {name: content})
        elif node.is_flow:
            member = f"{write.inline(name, in_flow=True)}: {to_json(content)}"
            at = edit.content_stop(node.entries[-1][1]) if node.entries else node.stop - 1
            edits.replace(at, at, f", {member}" if node.entries else member)
        else:
            self.insert_line(node, self.lines({name: content}, edits.column(node.entries[0][0].start)))

    def insert_line(self, node: ObjectNode, lines: str) -> None:
        """Add lines behind the last member; behind the blank lines that may be part of a block of text."""
        edits = self.edits
        last = edit.last_scalar(node)
        if isinstance(last, ScalarNode) and edits.text[last.start : last.start + 1] in {"|", ">"}:
            separator = "" if edits.text[: last.stop].endswith("\n") else edits.newline
            edits.replace(last.stop, last.stop, separator + lines + edits.newline)
        else:
            end = edits.line_end(edit.content_stop(node))
            edits.replace(end, end, edits.newline_at(end) + lines)

    def after_colon(self, content: Json, column: int) -> str:
        if isinstance(content, dict | list) and content:
            return self.edits.newline + self.lines(content, column + 2)
        return " " + self.lines(content, column)[column:]

    def lines(self, content: Json, indent: int) -> str:
        """Return a value in block style, without the last line end."""
        block = to_block(content, indent)
        return block.removesuffix("\n").replace("\n", self.edits.newline)


def _nested(path: paths.Path, content: Json) -> Json:
    """Return a value in the objects that a path names."""
    for step in reversed(path):
        if isinstance(step, int) and step > 0:
            raise CannotWrite(f"{paths.join(path)}: array index out of range")
        content = [content] if isinstance(step, int) else {step: content}
    return content


def _require(text: bytes, path: paths.Path, content: Json, limits: Limits) -> None:
    """Raise CannotWrite unless a text holds a value at a path: unusual YAML must not be damaged."""
    decoded = decode("", text, limits)
    node = decoded.root
    for step in path:
        if isinstance(node, ObjectNode) and isinstance(step, str):
            node = node.find(step)
        elif isinstance(node, ArrayNode) and isinstance(step, int) and step < len(node.elements):
            node = node.elements[step]
        else:
            node = None
    if node is None or has_errors(decoded.diagnostics) or to_json(_plain(node)) != to_json(content):
        raise CannotWrite(f"{paths.join(path)}: the definition is written in a form that cannot be changed in place")


def _plain(node: Node) -> Json:
    if isinstance(node, ObjectNode):
        return {key.text: _plain(value) for key, value in node.entries}
    if isinstance(node, ArrayNode):
        return [_plain(element) for element in node.elements]
    if isinstance(node, BooleanNode | NumberNode):
        return node.value
    return node.text if isinstance(node, ScalarNode) and not isinstance(node, NullNode) else None


def _escaped(text: str) -> str:
    """Return text that is read back as itself: `$$` stands for a dollar sign, where one could begin an access."""
    return text.replace("$", "$$") if "${" in text or "$$" in text else text
