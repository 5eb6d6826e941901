"""Text that may hold bytes which are not UTF-8 (as Python's surrogates), and text as Go writes it."""

import re

_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", '"': '\\"', "\\": "\\\\"}
_LONE_BYTES = re.compile("[\ud800-\udfff]")


def normal(text: str) -> str:
    """Return text in which bytes that together are UTF-8 are characters again. Single bytes stay as surrogates."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape") if _LONE_BYTES.search(text) else text


def valid(text: str) -> str:
    """Return text as JSON can hold it: U+FFFD stands for each byte that is not UTF-8, and for each half of a pair."""
    return text if text.isascii() else _LONE_BYTES.sub("\ufffd", text)


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
