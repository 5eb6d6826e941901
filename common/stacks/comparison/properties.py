"""Compares values of two states property by property, with secrets hidden. No I/O."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Any

from common.stacks.comparison.model import Change, PropertyDifference
from common.stacks.overview.values import HIDDEN, is_secret, show

PROPERTY_LIMIT = 1000
_DEPTH_LIMIT = 100
_PLAIN_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")
# What clients keep for themselves among the inputs and outputs of a resource.
_INTERNAL = "__"
_ABSENT = object()
# In the place of a value of hundreds of levels.
_UNREADABLE = "[cannot be shown]"

Plaintexts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two values at one place; one of them may be absent."""

    path: str
    before: object
    after: object
    depth: int


def compare_properties(
    before: Mapping[str, Any], after: Mapping[str, Any], plaintexts: Plaintexts
) -> tuple[list[PropertyDifference], bool]:
    """Return the properties that are different, by path, and whether there are more of them than are listed.

    `plaintexts` has the JSON texts of secrets by their ciphertexts. Secrets that are not in it are the same if their
    ciphertexts are.
    """
    differences = list(islice(_all(before, after, plaintexts), PROPERTY_LIMIT + 1))
    return differences[:PROPERTY_LIMIT], len(differences) > PROPERTY_LIMIT


def compare_members(before: Mapping[str, Any], after: Mapping[str, Any], names: list[str]) -> list[PropertyDifference]:
    """Return the members of a resource that are different, each as a whole."""
    pairs = (_Pair(name, before.get(name, _ABSENT), after.get(name, _ABSENT), 0) for name in names)
    return [_difference(pair) for pair in pairs if not _is_same(pair.before, pair.after)]


def compare_config(before: Mapping[str, object], after: Mapping[str, object]) -> list[PropertyDifference]:
    """Return the keys of two configurations, as clients send them, that are different; values of secrets are hidden."""
    differences = []
    for name in sorted({*before, *after}):
        pair = _Pair(name, before.get(name, _ABSENT), after.get(name, _ABSENT), 0)
        if not _is_same(pair.before, pair.after):
            plain = _Pair(name, _config_value(pair.before), _config_value(pair.after), 0)
            differences.append(_difference(plain))
    return differences


def _config_value(value: object) -> object:
    """Return the value of a key: a text, or what says of itself whether it is a secret or an object."""
    if not isinstance(value, dict):
        return value
    return HIDDEN if value.get("secret") else value.get("string", value)


def _all(before: Mapping[str, Any], after: Mapping[str, Any], plaintexts: Plaintexts) -> Iterator[PropertyDifference]:
    pending = list(reversed(list(_members("", before, after, 0))))
    while pending:
        pair = pending.pop()
        old, new = pair.before, pair.after
        if isinstance(old, dict) and isinstance(new, dict) and is_secret(old) and is_secret(new):
            if not _is_same_secret(old, new, plaintexts):
                yield _difference(pair)
        elif pair.depth >= _DEPTH_LIMIT or is_secret(old) or is_secret(new):
            if not _is_same(old, new):
                yield _difference(pair)
        elif isinstance(old, dict) and isinstance(new, dict):
            pending += reversed(list(_members(pair.path, old, new, pair.depth)))
        elif isinstance(old, list) and isinstance(new, list):
            pending += reversed(list(_items(pair.path, old, new, pair.depth)))
        elif not _is_same(old, new):
            yield _difference(pair)


def _members(path: str, before: Mapping[str, Any], after: Mapping[str, Any], depth: int) -> Iterator[_Pair]:
    for name in sorted({*before, *after}):
        if depth or not name.startswith(_INTERNAL):
            yield _Pair(_child(path, name), before.get(name, _ABSENT), after.get(name, _ABSENT), depth + 1)


def _items(path: str, before: list[Any], after: list[Any], depth: int) -> Iterator[_Pair]:
    """Yield the items of two lists beside each other; of another length, without what both begin and end with."""
    start, end = 0, 0
    if len(before) != len(after):
        start = _common(before, after)
        end = min(_common(before[::-1], after[::-1]), min(len(before), len(after)) - start)
    ends = len(before) - end, len(after) - end
    for place in range(start, max(ends)):
        old = before[place] if place < ends[0] else _ABSENT
        new = after[place] if place < ends[1] else _ABSENT
        yield _Pair(f"{path}[{place}]", old, new, depth + 1)


def _common(before: list[Any], after: list[Any]) -> int:
    return sum(1 for _ in takewhile(lambda items: _is_same(*items), zip(before, after, strict=False)))


def _child(path: str, name: str) -> str:
    if not _PLAIN_NAME.fullmatch(name):
        return f"{path}[{json.dumps(name, ensure_ascii=False)}]"
    return f"{path}.{name}" if path else name


def _is_same_secret(before: dict[str, Any], after: dict[str, Any], plaintexts: Plaintexts) -> bool:
    if "ciphertext" in before and before.get("ciphertext") == after.get("ciphertext"):
        return True
    old, new = _plaintext(before, plaintexts), _plaintext(after, plaintexts)
    return old is not None and old == new


def _plaintext(secret: dict[str, Any], plaintexts: Plaintexts) -> str | None:
    """Return the JSON text of a secret, as a state with secrets in clear or the caller knows it, or None."""
    text = secret.get("plaintext", plaintexts.get(str(secret.get("ciphertext"))))
    return text if isinstance(text, str) else None


def _is_same(before: object, after: object) -> bool:
    try:
        return _is_equal(before, after)
    except RecursionError:
        return False


def _is_equal(before: object, after: object) -> bool:
    # In Python a boolean is also a number: `True == 1`.
    if isinstance(before, bool) or isinstance(after, bool):
        return before is after
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(_is_equal(before[name], after[name]) for name in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(_is_equal, before, after))
    return before == after


def _difference(pair: _Pair) -> PropertyDifference:
    change = Change.ADDED if pair.before is _ABSENT else Change.REMOVED if pair.after is _ABSENT else Change.CHANGED
    before, after = _text(pair.before), _text(pair.after)
    if before == after and HIDDEN not in before and before != _UNREADABLE:
        # A text and a number look the same without quotes.
        before, after = (json.dumps(value, ensure_ascii=False) for value in (pair.before, pair.after))
    return PropertyDifference(pair.path, change, before, after)


def _text(value: object) -> str:
    try:
        return "" if value is _ABSENT else show("", value).text
    except RecursionError:
        return _UNREADABLE
