"""Values as text."""

import re

from common.environments.language.limits import Budget
from common.environments.language.model import Value

_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", '"': '\\"', "\\": "\\\\"}
_LONE_BYTES = re.compile("[\ud800-\udfff]")


def to_string(value: Value, budget: Budget) -> tuple[str, bool, bool]:
    """Return a value's text, whether any part is unknown, and whether any part is secret.

    Of an object only its own members count, not those it inherits; so it is upstream.
    """
    if value.is_unknown:
        return "[unknown]", True, value.is_secret
    representation = value.repr
    if isinstance(representation, list):
        parts = [to_string(element, budget) for element in representation]
        texts = [quoted(text) for text, _, _ in parts]
    elif isinstance(representation, dict):
        names = sorted(representation, key=byte_order)
        parts = [to_string(representation[name], budget) for name in names]
        texts = [f"{quoted(name)}={quoted(text)}" for name, (text, _, _) in zip(names, parts, strict=True)]
    else:
        return scalar_text(representation), False, value.is_secret
    budget.spend_values(len(parts))
    is_unknown = any(part[1] for part in parts)
    return join(",", texts, budget), is_unknown, value.is_secret or any(part[2] for part in parts)


def scalar_text(scalar: object) -> str:
    """Return a scalar's text; null has none."""
    if isinstance(scalar, bool):
        return "true" if scalar else "false"
    return "" if scalar is None else str(scalar)


def join(delimiter: str, pieces: list[str], budget: Budget) -> str:
    """Return pieces joined, if the budget allows that much text."""
    budget.spend_text(sum(map(len, pieces)) + len(delimiter) * max(len(pieces) - 1, 0))
    return normal(delimiter.join(pieces))


def normal(text: str) -> str:
    """Return text in which bytes that together are UTF-8 are characters again. Single bytes stay as surrogates."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape") if _LONE_BYTES.search(text) else text


def valid(text: str) -> str:
    """Return text as JSON can hold it: U+FFFD stands for each byte that is not UTF-8, and for each half of a pair."""
    return text if text.isascii() else _LONE_BYTES.sub("\ufffd", text)


def byte_order(name: str) -> bytes:
    """Return what names are ordered by: their bytes, as in Go."""
    return name.encode("utf-8", "surrogateescape")


def quoted(text: str) -> str:
    """Return text in double quotes, as Go's %q writes it."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
