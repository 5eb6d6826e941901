"""Plain JSON as YAML, spelled as go-yaml v3 spells it: block style, indented by four, members in the order of Go's maps.

Numbers are written in double quotes: upstream hands them to go-yaml as strings (go-yaml issue 807).
"""

import io
import re

from yaml.emitter import Emitter

from common.environments.language.syntax import scalar
from common.environments.language.syntax.number import Number
from common.environments.language.syntax.text import valid
from common.environments.language.values.plain import Json

_INDENT = 4
_OLD_BOOLEANS = frozenset({"y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF"})
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?", re.ASCII)
_TIMESTAMP = re.compile(r"\d{4}-\d{1,2}-\d{1,2}(?:[Tt ]\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?(?:Z|[-+]\d\d:\d\d)?)?", re.ASCII)
_SIMPLE_KEY_LENGTH = 128


def to_yaml(content: Json) -> str:
    """Return a document."""
    lines: list[str] = []
    if isinstance(content, dict) and content:
        _mapping(content, 0, lines)
    elif isinstance(content, list) and content:
        _sequence(content, 0, lines)
    else:
        lines.append(_inline(content, _INDENT))
    return "".join(line if line.endswith("\n") else line + "\n" for line in lines)


def text_scalar(text: str) -> str:
    """Return a string on one line, quoted where it would otherwise be read as something else."""
    return _text(text, _INDENT, is_key=True)


def _mapping(content: dict[str, Json], indent: int, lines: list[str]) -> None:
    for name in sorted(content, key=_natural):
        key = _text(name, indent, is_key=True)
        value = content[name]
        start = " " * indent + (f"{key}:" if len(key) <= _SIMPLE_KEY_LENGTH else f"? {key}\n{' ' * indent}:")
        if isinstance(value, dict) and value:
            lines.append(start)
            _mapping(value, _deeper(indent), lines)
        elif isinstance(value, list) and value:
            lines.append(start)
            _sequence(value, _deeper(indent), lines)
        else:
            lines.append(f"{start} {_inline(value, _deeper(indent))}")


def _sequence(content: list[Json], indent: int, lines: list[str]) -> None:
    for element in content:
        inner: list[str] = []
        if isinstance(element, dict) and element:
            _mapping(element, indent + 2, inner)
        elif isinstance(element, list) and element:
            _sequence(element, indent + 2, inner)
        else:
            inner.append(" " * (indent + 2) + _inline(element, indent + 2))
        inner[0] = " " * indent + "- " + inner[0][indent + 2 :]
        lines += inner


def _inline(content: Json, indent: int) -> str:
    if isinstance(content, str):
        return _text(content, indent, is_key=False)
    if isinstance(content, dict | list):
        return "{}" if isinstance(content, dict) else "[]"
    return {None: "null", True: "true", False: "false"}[content]


def _text(text: str, indent: int, *, is_key: bool) -> str:
    content = valid(text)
    stream = io.StringIO()
    emitter = Emitter(stream, allow_unicode=True)
    analysis = emitter.analyze_scalar(content)
    if "\n" in content:
        if analysis.allow_block and not is_key:
            return _literal(content, indent)
    elif not isinstance(text, Number) and _is_plain(content):
        if analysis.allow_block_plain and not (is_key and not content):
            return content
        if analysis.allow_single_quoted:
            return "'" + content.replace("'", "''") + "'"
    emitter.write_double_quoted(content, split=False)
    return stream.getvalue()


def _is_plain(text: str) -> bool:
    """Tell whether a reader takes the plain text for a string."""
    if text in _OLD_BOOLEANS or _BASE_60.fullmatch(text) or _TIMESTAMP.fullmatch(text):
        return False
    try:
        return type(scalar.resolve(text)) is str and text != "<<"
    except scalar.InvalidScalar:
        return False


def _literal(text: str, indent: int) -> str:
    hint = str(_INDENT) if text[0] in " \n" else ""
    if not text.endswith("\n"):
        hint += "-"
    elif text == "\n" or text.endswith("\n\n"):
        hint += "+"
    pieces = ["|" + hint]
    starts_line = True
    for character in text:
        if character != "\n" and starts_line:
            # The line feed after the indicator is written with the first line that has text.
            pieces.append(" " * indent if pieces[-1] == "\n" else "\n" + " " * indent)
        starts_line = character == "\n"
        pieces.append(character)
    return "".join(pieces)


def _deeper(indent: int) -> int:
    """Return the next multiple of the indentation: inside a list, that is half a step."""
    return _INDENT * ((indent + _INDENT) // _INDENT)


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Return what go-yaml orders keys by: numbers in names by value, letters after other characters."""
    parts: list[tuple[int, int, str]] = []
    for part in re.findall(r"[0-9]+|[^0-9]", name):
        if part[0].isdecimal() and part.isascii():
            parts.append((1, int(part), part))
        else:
            parts.append((2 if part.isalpha() else 0, 0, part))
    return parts
