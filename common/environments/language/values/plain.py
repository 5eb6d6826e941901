"""Values as plain JSON, and JSON as Go's encoder writes it."""

import re
from typing import Any

from common.environments.language.limits import Budget
from common.environments.language.model import Value
from common.environments.language.syntax.number import Number
from common.environments.language.syntax.text import valid

# Scalars (a number is a Number), lists, and dicts with names as keys.
Json = Any

# Go escapes what would end a script in HTML, and two separators of lines that JavaScript did not allow in strings.
_ESCAPED = re.compile(r'["\\\x00-\x1f<>&\u2028\u2029\ud800-\udfff]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def of_value(value: Value, budget: Budget) -> Json:
    """Return a value as plain JSON, with its secrets in clear."""
    budget.spend_values(1)
    if value.is_unknown:
        return "[unknown]"
    representation = value.repr
    if isinstance(representation, list):
        return [of_value(element, budget) for element in representation]
    if isinstance(representation, dict):
        members = {name: value.property(name, value.definition.node) for name in value.member_names()}
        return {name: of_value(member, budget) for name, member in members.items() if member is not None}
    if isinstance(representation, str) and not isinstance(representation, Number):
        budget.spend_text(len(representation))
    return representation


def to_json(content: Json) -> str:
    """Return compact JSON in Go's spelling: members in the order of their bytes, numbers verbatim."""
    pieces: list[str] = []
    _write(content, pieces)
    return "".join(pieces)


def _write(content: Json, pieces: list[str]) -> None:
    if isinstance(content, dict):
        pieces.append("{")
        for position, name in enumerate(sorted(content)):
            pieces += ("," if position else "", _string(name), ":")
            _write(content[name], pieces)
        pieces.append("}")
    elif isinstance(content, list):
        pieces.append("[")
        for position, element in enumerate(content):
            pieces.append("," if position else "")
            _write(element, pieces)
        pieces.append("]")
    elif isinstance(content, str):
        pieces.append(content if isinstance(content, Number) else _string(content))
    else:
        pieces.append({None: "null", True: "true", False: "false"}[content])


def _string(text: str) -> str:
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if "\ud800" <= character <= "\udfff":
        return "\\ufffd" if valid(character) != character else character
    return _SHORT.get(character) or f"\\u{ord(character):04x}"
