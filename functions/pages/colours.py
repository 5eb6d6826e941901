"""Logs in colour: the marks of clients, `<{%fg 1%}>`, and the escape codes of terminals become spans, everything else text."""

import re

from markupsafe import Markup, escape

_NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_STYLES = {"bold": "bold", "underline": "underline", "italic": "italic", "faint": "faint"}
_CODES = {1: "bold", 2: "faint", 3: "italic", 4: "underline"}
_MARK = re.compile(r"<\{%\s*([a-z]+)(?:\s+(\d{1,3}))?\s*%\}>|\x1b\[([0-9;]{0,40})m")
# Other escape codes move a cursor that a page does not have.
_OTHER_CODES = re.compile(
    r"\x1b(?:\[[0-9;?]{0,40}[A-Za-ln-z]|\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)|[()][A-Z0-9])"
    r"|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]"
)


def coloured(text: str) -> Markup:
    """Return a line as markup; what it says itself is escaped."""
    text = _OTHER_CODES.sub("", text)
    pieces, classes, position = [], set[str](), 0
    for match in _MARK.finditer(text):
        pieces.append(_span(text[position : match.start()], classes))
        position = match.end()
        classes = _after(match, classes)
    pieces.append(_span(text[position:], classes))
    return Markup("").join(pieces)


def plain(text: str) -> str:
    """Return a line without marks of colours."""
    return _MARK.sub("", _OTHER_CODES.sub("", text))


def _span(text: str, classes: set[str]) -> Markup:
    if not text:
        return Markup("")
    names = " ".join(f"ansi-{name}" for name in sorted(classes))
    return Markup('<span class="{}">{}</span>').format(names, text) if names else escape(text)


def _after(match: re.Match[str], classes: set[str]) -> set[str]:
    """Return the styles after a mark."""
    name, number, codes = match.groups()
    if codes is not None:
        for code in codes.split(";"):
            classes = _after_code(int(code or "0"), classes)
        return classes
    if name == "reset":
        return set()
    if name == "fg" and number is not None:
        return _in_colour(int(number) % 8, classes)
    return classes | {_STYLES[name]} if name in _STYLES else classes


def _after_code(code: int, classes: set[str]) -> set[str]:
    if code == 0:
        return set()
    if 30 <= code <= 37 or 90 <= code <= 97:
        return _in_colour(code % 10, classes)
    return classes | {_CODES[code]} if code in _CODES else classes


def _in_colour(number: int, classes: set[str]) -> set[str]:
    return (classes - set(_NAMES)) | {_NAMES[number]}
