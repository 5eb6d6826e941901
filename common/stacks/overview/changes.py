"""In which versions of a stack a resource changed, and which of its members, by comparing stored states. No I/O."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from common.stacks.overview.values import read_object

# What clients write anew without a change of the resource itself.
_QUIET = frozenset({"created", "modified", "sourcePosition", "stackTrace", "refreshBeforeUpdate"})


@dataclass(frozen=True, slots=True)
class ResourceVersion:
    """A resource in a version of its stack: its text, or None if the version is without it; `at` in unix milliseconds."""

    number: int
    at: int
    text: bytes | None


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """A version that changed a resource, how (create, update, replace or delete), and the names of what is different."""

    number: int
    at: int
    kind: str
    names: list[str] = field(default_factory=list)


def find_changes(versions: Sequence[ResourceVersion]) -> list[ResourceChange]:
    """Return the changes between versions that follow each other, newest first; the last version only stands for comparison."""
    changes = (_change(newer, older) for newer, older in pairwise(versions))
    return [change for change in changes if change is not None]


def _change(newer: ResourceVersion, older: ResourceVersion) -> ResourceChange | None:
    if newer.text == older.text:
        return None
    if newer.text is None or older.text is None:
        return ResourceChange(newer.number, newer.at, "delete" if newer.text is None else "create")
    new, old = read_object(newer.text), read_object(older.text)
    names = list(_names(new, old))
    if not names:
        return None
    return ResourceChange(newer.number, newer.at, "replace" if "id" in names and old.get("id") else "update", names)


def _names(new: dict[str, Any], old: dict[str, Any]) -> Iterable[str]:
    """Yield the members that differ; of inputs and outputs the properties, and of an output only if no input has its name."""
    inputs = set(_properties(new, old, "inputs"))
    yield from sorted(inputs)
    yield from sorted(set(_properties(new, old, "outputs")) - inputs)
    yield from (name for name in sorted({*new, *old} - _QUIET - {"inputs", "outputs"}) if new.get(name) != old.get(name))


def _properties(new: dict[str, Any], old: dict[str, Any], member: str) -> Iterable[str]:
    after, before = (value if isinstance(value, dict) else {} for value in (new.get(member), old.get(member)))
    return (name for name in {*after, *before} if after.get(name) != before.get(name) and not name.startswith("__"))
