"""Turns inputs of a provider into plain values, and what it read into values of an environment."""

from collections.abc import Mapping, Sequence
from typing import Any

from common.environments.language.environment import EscValue
from common.environments.language.interfaces import WorldError
from common.environments.language.projection import to_plain
from common.environments.language.syntax.number import Number

_NESTING_LIMIT = 100


def plain(inputs: Mapping[str, EscValue]) -> dict[str, Any]:
    """Return inputs as plain JSON, with their secrets in clear; a number is a Number."""
    return {name: to_plain(value, is_redacted=False) for name, value in inputs.items()}


def secret(text: str) -> EscValue:
    """Return a secret."""
    return EscValue(text, secret=True)


def record(**values: "EscValue | str | Number | None") -> EscValue:
    """Return an object; members that are None are left out."""
    shown = {
        name: value if isinstance(value, EscValue) else EscValue(value) for name, value in values.items() if value is not None
    }
    return EscValue(dict(shown))


def secrets(texts: Mapping[str, str]) -> EscValue:
    """Return an object of secrets."""
    return EscValue({name: secret(text) for name, text in texts.items()})


def from_json(content: object, levels: int = _NESTING_LIMIT) -> EscValue:
    """Return a JSON value that another system sent; raises WorldError for what is nested too deeply."""
    if levels < 0:
        raise WorldError(f"the value is nested more than {_NESTING_LIMIT} levels deep")
    if isinstance(content, list):
        return EscValue([from_json(element, levels - 1) for element in content])
    if isinstance(content, dict):
        return EscValue({str(name): from_json(member, levels - 1) for name, member in content.items()})
    return EscValue(content)  # type: ignore[arg-type]


def text_at(document: object, *path: str) -> str:
    """Return the text at a path of names in a JSON document, or "" if it has no text there."""
    return _find_text(document, path) or ""


def require_text(document: object, host: str, *path: str) -> str:
    """Return the text at a path in what a host answered, which may be empty; raises WorldError if it has no text there."""
    text = _find_text(document, path)
    if text is None:
        raise WorldError(f"{host} does not answer with {'.'.join(path)}")
    return text


def _find_text(document: object, path: Sequence[str]) -> str | None:
    for name in path:
        document = document.get(name) if isinstance(document, dict) else None
    return document if isinstance(document, str) else None
