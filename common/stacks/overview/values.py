"""Values of a state as people read them: indented JSON in which secrets are hidden. No I/O."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from common.stacks.engine.jsontext import JSON_ERRORS, shield_for

# How a state marks a value as one of a special kind, and the mark of secrets (state.md 4).
_MARK, _SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
HIDDEN = "[secret]"
# What a browser opens as a page elsewhere, and nothing that it would run.
_ADDRESS = re.compile(r"https?://[^\s\x00-\x1f\x7f\\@\"'<>`]{1,2000}")
_BLOCK_CHARACTERS, _BLOCK_LINES = 400, 12
_UNREADABLE = "[cannot be shown]"


@dataclass(frozen=True, slots=True)
class Value:
    """A named value: its text, whether some of it is hidden, and whether it is a text by itself and not JSON."""

    name: str
    text: str
    is_secret: bool = False
    is_text: bool = False

    @property
    def is_long(self) -> bool:
        """Tell whether the value takes more than a line."""
        return "\n" in self.text or len(self.text) > 120

    @property
    def is_block(self) -> bool:
        """Tell whether the value takes few lines, so that it can be shown at once."""
        return self.is_long and len(self.text) <= _BLOCK_CHARACTERS and self.text.count("\n") < _BLOCK_LINES

    @property
    def is_address(self) -> bool:
        """Tell whether the value is the address of a web page; one with a password in it is not, and no secret is."""
        return self.is_text and not self.is_secret and _ADDRESS.fullmatch(self.text) is not None


def read_object(text: bytes | None) -> dict[str, Any]:
    """Return a JSON object from a state as values; an empty one for nothing and for what cannot be read."""
    if text is None:
        return {}
    try:
        value = msgspec.json.decode(shield_for([text]).hide(text))
    except (*JSON_ERRORS, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def shown(values: Mapping[str, Any]) -> list[Value]:
    """Return values by name, with secrets hidden."""
    return [show(name, value) for name, value in sorted(values.items())]


def show(name: str, value: object) -> Value:
    """Return one value with secrets hidden."""
    secret = is_secret(value) or has_secret(value)
    plain = hidden(value)
    if isinstance(plain, str):
        return Value(name, plain, secret, is_text=True)
    try:
        return Value(name, json.dumps(plain, indent=2, ensure_ascii=False), secret)
    except (ValueError, RecursionError):
        return Value(name, _UNREADABLE, secret)


def hidden(value: object) -> object:
    """Return a value with a mark in the place of each secret in it."""
    if is_secret(value):
        return HIDDEN
    if isinstance(value, dict):
        return {name: hidden(part) for name, part in value.items()}
    return [hidden(part) for part in value] if isinstance(value, list) else value


def is_secret(value: object) -> bool:
    """Tell whether a value is a secret."""
    return isinstance(value, dict) and value.get(_MARK) == _SECRET


def has_secret(value: object) -> bool:
    """Tell whether there is a secret in a value."""
    if is_secret(value):
        return True
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(has_secret(part) for part in parts)


def ciphertexts(value: object) -> list[str]:
    """Return the encrypted texts of the secrets in a value."""
    if isinstance(value, dict) and is_secret(value):
        text = value.get("ciphertext")
        return [text] if isinstance(text, str) else []
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in parts for text in ciphertexts(part)]


def opened(value: object, plaintexts: Mapping[str, str]) -> object:
    """Return a value with the plaintext, which is JSON, in the place of each secret whose ciphertext is known."""
    if isinstance(value, dict) and is_secret(value):
        text = plaintexts.get(str(value.get("ciphertext")))
        return json.loads(text) if text is not None else HIDDEN
    if isinstance(value, dict):
        return {name: opened(part, plaintexts) for name, part in value.items()}
    return [opened(part, plaintexts) for part in value] if isinstance(value, list) else value
