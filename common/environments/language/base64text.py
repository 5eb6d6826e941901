"""Base64 as Go's standard library reads it: line feeds are ignored, padding is required, and errors name the byte."""

from base64 import b64decode
from binascii import Error as Base64Error

_ALPHABET = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_IGNORED = frozenset(b"\r\n")
_PAD = ord("=")


class InvalidBase64(ValueError):
    """The text is not base64."""


def decode(text: str) -> bytes:
    """Return the decoded bytes; raises InvalidBase64 with Go's message."""
    data = text.encode("utf-8", "surrogateescape")
    try:
        return b64decode(data.replace(b"\n", b"").replace(b"\r", b""), validate=True)
    except Base64Error:
        raise InvalidBase64(f"illegal base64 data at input byte {_bad_byte(data)}") from None


def _bad_byte(data: bytes) -> int:
    """Return where Go gives up: at the first foreign byte, misplaced padding, or the end of an incomplete group."""
    significant = [at for at, byte in enumerate(data) if byte not in _IGNORED]
    for place, at in enumerate(significant):
        if data[at] in _ALPHABET:
            continue
        if data[at] != _PAD or place % 4 < 2:
            return at
        return _after_padding(data, significant, place)
    return len(data) - len(significant) % 4


def _after_padding(data: bytes, significant: list[int], place: int) -> int:
    if place % 4 == 2:
        if place + 1 == len(significant):
            return len(data)
        if data[significant[place + 1]] != _PAD:
            return significant[place + 1] - 1
        place += 1
    return significant[place + 1] if place + 1 < len(significant) else len(data)
