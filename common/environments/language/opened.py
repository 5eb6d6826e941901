"""Reads single values out of an opened environment that is kept as JSON: numbers and members stay as they were written."""

import msgspec

from common.environments.language.syntax.path import Path


class _Opened(msgspec.Struct):
    properties: dict[str, msgspec.Raw] = {}


class _Value(msgspec.Struct):
    value: msgspec.Raw


def find_value(text: bytes, path: Path) -> bytes | None:
    """Return the JSON of the value at a path, or None: what a client asks for with `property=`."""
    if not path or not isinstance(path[0], str):
        return None
    found = msgspec.json.decode(text, type=_Opened).properties.get(path[0])
    for step in path[1:]:
        found = _member(found, step) if found is not None else None
    return bytes(found) if found is not None else None


def _member(text: msgspec.Raw, step: str | int) -> msgspec.Raw | None:
    content = msgspec.json.decode(text, type=_Value).value
    if isinstance(step, str):
        return msgspec.json.decode(content, type=dict[str, msgspec.Raw]).get(step) if _starts(content, b"{") else None
    elements = msgspec.json.decode(content, type=list[msgspec.Raw]) if _starts(content, b"[") else []
    return elements[step] if 0 <= step < len(elements) else None


def _starts(text: msgspec.Raw, mark: bytes) -> bool:
    return bytes(text).startswith(mark)
