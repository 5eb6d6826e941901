"""Rewrites URNs inside property values; all other bytes stay the same.

A value is read token by token, without recursion, and only if it can contain the URNs in question. URNs are in resource
references, in the dependencies of output values, and in plaintext secrets, which contain JSON as text. Ciphertexts never change.
Markers: state.md A.3.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from common.stacks.engine import jsontext

Rewrite = Callable[[str], str]

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a public marker, not a secret
_RESOURCE_REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e"
_OUTPUT_VALUE = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
# A plaintext can contain a secret that contains a plaintext; upstream never nests them, and each level doubles the backslashes.
_DEEPEST_PLAINTEXT = 8

# A string without an end extends to the end of the text; otherwise each of its escaped quotes would begin a new search.
_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[{}\[\]:,]', re.DOTALL)
# Escapes of the characters at the start of a URN; upstream's encoder never writes them, other tools may.
_ESCAPED_LETTER = re.compile(rb"\\u00(?:[46][1-9a-fA-F]|[57][0-9aA]|5[fF]|3[0-9aA]|2[dDeE])")

_Span = tuple[int, int]


@dataclass(slots=True)
class _Container:
    """An object or list before its end. It has only the spans of text members that may be needed."""

    is_object: bool
    key: str | None = None
    texts: dict[str, _Span] = field(default_factory=dict)
    elements: list[_Span] = field(default_factory=list)
    dependencies: list[_Span] = field(default_factory=list)


class Rewriter:
    """Rewrites the URNs in values that contain a needle; a value without one is returned as it is."""

    def __init__(self, rewrite: Rewrite, needle: bytes) -> None:
        self._rewrite = rewrite
        self._needle = needle

    def value(self, text: bytes, depth: int = 0) -> bytes:
        """Return the JSON text of a property value with its URNs rewritten."""
        if self._needle not in text and not _ESCAPED_LETTER.search(text):
            return text
        pieces, position = [], 0
        for (start, end), replacement in sorted(self._edits(text, depth)):
            pieces += [text[position:start], replacement]
            position = end
        return b"".join((*pieces, text[position:])) if pieces else text

    def _edits(self, text: bytes, depth: int) -> list[tuple[_Span, bytes]]:
        edits: list[tuple[_Span, bytes]] = []
        stack: list[_Container] = [_Container(is_object=False)]
        for match in _TOKENS.finditer(text):
            token, top = match[0], stack[-1]
            if token in (b"{", b"["):
                stack.append(_Container(is_object=token == b"{"))
            elif token in (b"}", b"]"):
                if len(stack) == 1:  # A plaintext need not be JSON.
                    continue
                stack.pop()
                edits += self._closed(text, top, stack[-1], depth)
            elif token == b",":
                top.key = None
            elif token != b":":
                _note_text(text, top, match.span())
        return edits

    def _closed(self, text: bytes, closed: _Container, parent: _Container, depth: int) -> list[tuple[_Span, bytes]]:
        if not closed.is_object:
            if parent.is_object and parent.key == "dependencies":
                parent.dependencies = closed.elements
            return []
        kind = _text_at(text, closed.texts.get(_SIGNATURE))
        if kind == _RESOURCE_REFERENCE:
            return self._urns(text, [span for name, span in closed.texts.items() if name == "urn"])
        if kind == _OUTPUT_VALUE:
            return self._urns(text, closed.dependencies)
        if kind == _SECRET and "plaintext" in closed.texts and depth < _DEEPEST_PLAINTEXT:
            return self._plaintext(text, closed.texts["plaintext"], depth)
        return []

    def _urns(self, text: bytes, spans: list[_Span]) -> list[tuple[_Span, bytes]]:
        edits = []
        for span in spans:
            name = _text_at(text, span) or ""
            renamed = self._rewrite(name)
            if renamed != name:
                edits.append((span, msgspec.json.encode(renamed)))
        return edits

    def _plaintext(self, text: bytes, span: _Span, depth: int) -> list[tuple[_Span, bytes]]:
        inner = (_text_at(text, span) or "").encode()
        renamed = self.value(inner, depth + 1)
        return [] if renamed == inner else [(span, msgspec.json.encode(renamed.decode()))]


def _note_text(text: bytes, top: _Container, span: _Span) -> None:
    """Store a string: as the next key, or as the value of a member or an element."""
    if not top.is_object:
        top.elements.append(span)
    elif top.key is None:
        top.key = _text_at(text, span)
    elif top.key in (_SIGNATURE, "urn", "plaintext"):
        top.texts[top.key] = span


def _text_at(text: bytes, span: _Span | None) -> str | None:
    return jsontext.find_text(text[span[0] : span[1]]) if span is not None else None
