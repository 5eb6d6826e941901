"""Reads JSON as Go's decoder does: numbers keep their text, and errors have its words."""

import json

from common.environments.language.syntax.number import Number
from common.environments.language.values.plain import Json

_SPACE = b" \t\r\n"
_DIGITS = b"0123456789"
_HEX = b"0123456789abcdefABCDEF"
_ESCAPES = b'"\\/bfnrt'
_LITERALS = (b"true", b"false", b"null")
_QUOTED = {"'": "'\\''", '"': "'\"'", "\n": "'\\n'", "\t": "'\\t'", "\r": "'\\r'", "\\": "'\\\\'"}
_NESTING_LIMIT = 300


def decode_json(text: str) -> Json:
    """Return the first JSON value of a text; what follows it is ignored. Raises ValueError with Go's message."""
    start = len(text) - len(text.lstrip(" \t\r\n"))
    try:
        content, end = _DECODER.raw_decode(text, start)
    except RecursionError:
        raise ValueError("exceeded max depth") from None
    except ValueError:
        raise ValueError(_Scanner(text).problem()) from None
    if isinstance(content, Number) and text[end : end + 1] in {".", "e", "E"}:
        # Python's decoder stops before an incomplete fraction.
        raise ValueError(_Scanner(text).problem())
    return content


def _no_constant(name: str) -> None:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=_no_constant)


class _Problem(Exception):
    """What is wrong with the text."""


class _Scanner:
    """Finds the first fault of a text that is known to have one."""

    def __init__(self, text: str) -> None:
        self.data = text.encode("utf-8", "surrogateescape")
        self.at = 0
        self.depth = 0

    def problem(self) -> str:
        if not self.data.strip(_SPACE):
            return "EOF"
        try:
            self.value()
        except _Problem as problem:
            return str(problem)
        return "unexpected EOF"

    def peek(self) -> bytes:
        if self.at >= len(self.data):
            raise _Problem("unexpected EOF")
        return self.data[self.at : self.at + 1]

    def next_of(self, expected: bytes, where: str) -> bytes:
        byte = self.peek()
        if byte not in expected:
            self.fail(where)
        self.at += 1
        return byte

    def fail(self, where: str) -> None:
        character = self.data[self.at : self.at + 1].decode("latin-1")
        raise _Problem(f"invalid character {_QUOTED.get(character) or repr(character)} {where}")

    def skip(self, bytes_: bytes) -> None:
        while self.at < len(self.data) and self.data[self.at : self.at + 1] in bytes_:
            self.at += 1

    def value(self) -> None:
        self.skip(_SPACE)
        byte = self.peek()
        self.depth += 1
        if self.depth > _NESTING_LIMIT:
            raise _Problem("exceeded max depth")
        if byte == b"{":
            self.members()
        elif byte == b"[":
            self.elements()
        elif byte == b'"':
            self.string()
        elif byte == b"-" or byte in _DIGITS:
            self.number()
        else:
            self.literal(byte)
        self.depth -= 1

    def literal(self, byte: bytes) -> None:
        literal = next((literal for literal in _LITERALS if literal[:1] == byte), None)
        if literal is None:
            self.fail("looking for beginning of value")
            return
        for expected in literal.decode():
            self.next_of(expected.encode(), f"in literal {literal.decode()} (expecting '{expected}')")

    def members(self) -> None:
        self.at += 1
        self.skip(_SPACE)
        if self.peek() == b"}":
            self.at += 1
            return
        while True:
            self.skip(_SPACE)
            if self.peek() != b'"':
                self.fail("looking for beginning of object key string")
            self.string()
            self.skip(_SPACE)
            self.next_of(b":", "after object key")
            self.value()
            self.skip(_SPACE)
            if self.next_of(b",}", "after object key:value pair") == b"}":
                return

    def elements(self) -> None:
        self.at += 1
        self.skip(_SPACE)
        if self.peek() == b"]":
            self.at += 1
            return
        while True:
            self.value()
            self.skip(_SPACE)
            if self.next_of(b",]", "after array element") == b"]":
                return

    def string(self) -> None:
        self.at += 1
        while (byte := self.peek()) != b'"':
            if byte < b" ":
                self.fail("in string literal")
            self.at += 1
            if byte == b"\\" and self.next_of(_ESCAPES + b"u", "in string escape code") == b"u":
                for _ in range(4):
                    self.next_of(_HEX, "in \\u hexadecimal character escape")
        self.at += 1

    def number(self) -> None:
        if self.peek() == b"-":
            self.at += 1
        if self.next_of(_DIGITS, "in numeric literal") != b"0":
            self.skip(_DIGITS)
        if self.data[self.at : self.at + 1] == b".":
            self.at += 1
            self.next_of(_DIGITS, "after decimal point in numeric literal")
            self.skip(_DIGITS)
        if self.data[self.at : self.at + 1] in {b"e", b"E"}:
            self.at += 1
            if self.peek() in b"+-":
                self.at += 1
            self.next_of(_DIGITS, "in exponent of numeric literal")
            self.skip(_DIGITS)
