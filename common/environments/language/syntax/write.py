"""Scalars as YAML text: plain where a reader takes the text for a string, in quotes or as a block elsewhere.

The choice is that of go-yaml v3; PyYAML's emitter says which styles a text allows.
"""

import io
import re

from yaml.emitter import Emitter

from common.environments.language.syntax import scalar

# Plain words that YAML 1.1 reads as booleans.
_OLD_BOOLEANS = frozenset({"y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF"})
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?", re.ASCII)
_TIMESTAMP = re.compile(r"\d{4}-\d{1,2}-\d{1,2}(?:[Tt ]\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?(?:Z|[-+]\d\d:\d\d)?)?", re.ASCII)


def inline(text: str, *, in_flow: bool = False) -> str:
    """Return a string on one line."""
    analysis = Emitter(io.StringIO(), allow_unicode=True).analyze_scalar(text)
    if "\n" not in text and is_plain(text):
        if analysis.allow_flow_plain if in_flow else analysis.allow_block_plain:
            return text
        if analysis.allow_single_quoted:
            return "'" + text.replace("'", "''") + "'"
    return quoted(text)


def quoted(text: str) -> str:
    """Return a string in double quotes."""
    stream = io.StringIO()
    Emitter(stream, allow_unicode=True).write_double_quoted(text, split=False)
    return stream.getvalue()


def allows_block(text: str) -> bool:
    """Tell whether a text can be written as a block: not with spaces at the end of a line, nor with control characters."""
    return "\n" in text and bool(Emitter(io.StringIO(), allow_unicode=True).analyze_scalar(text).allow_block)


def block(text: str, indent: int, hint_indent: int) -> str:
    """Return a text as a literal block, from its indicator on. A hint is written where the first line begins with space."""
    hint = str(hint_indent) if text[0] in " \n" else ""
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


def is_plain(text: str) -> bool:
    """Tell whether a reader takes the plain text for a string."""
    if text in _OLD_BOOLEANS or _BASE_60.fullmatch(text) or _TIMESTAMP.fullmatch(text):
        return False
    try:
        return type(scalar.resolve(text)) is str and text != "<<"
    except scalar.InvalidScalar:
        return False
