"""Compares the resources of two states. No I/O.

A resource is the one of the same URN in the other state; else, of the resources that are in one state only, the one whose
alias it has, or of the same type with the same id. What is to be deleted is a resource of its own beside its replacement.
Texts are compared first, so that only what is different is decoded.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from common.stacks.comparison.model import Change, PropertyDifference, ResourceDifference, StateDifference
from common.stacks.comparison.properties import Plaintexts, compare_members, compare_properties
from common.stacks.engine.document import StoredResource
from common.stacks.engine.urn import ROOT_TYPE, Urn, find
from common.stacks.overview.values import ciphertexts, read_object

# What clients write anew without a change of the resource itself.
_QUIET = frozenset({"created", "modified", "sourcePosition", "stackTrace", "refreshBeforeUpdate"})
# What is compared in its own way, and what places a resource.
_OWN = frozenset({"urn", "type", "inputs", "outputs", "parent", "provider", "aliases", "delete"})
_NOTHING: dict[str, str] = {}
# What tells a person that a resource waits to be deleted.
_DELETE = ["delete"]

# A URN, and for a resource that is to be deleted what tells it from others of that URN.
_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Names:
    """Two stacks as their URNs name them, (stack, project) each."""

    old: tuple[str, str]
    new: tuple[str, str]

    def translated(self, text: bytes) -> bytes:
        """Return a text with URNs of the first stack as those of the second."""
        (stack, project), (other, other_project) = self.old, self.new
        root, other_root = (f"urn:pulumi:{s}::{p}::{ROOT_TYPE}::{p}-{s}" for s, p in (self.old, self.new))
        prefix, other_prefix = f"urn:pulumi:{stack}::{project}::", f"urn:pulumi:{other}::{other_project}::"
        return text.replace(root.encode(), other_root.encode()).replace(prefix.encode(), other_prefix.encode())


@dataclass(frozen=True, slots=True)
class _Item:
    """A resource with its key among those of its state, and its text as it would be in the other stack."""

    urn: str
    key: _Key
    text: bytes

    def opened(self) -> dict[str, Any]:
        """Return the members of the resource."""
        return read_object(self.text)


def compare_states(
    before: Sequence[StoredResource], after: Sequence[StoredResource], plaintexts: Plaintexts = _NOTHING
) -> StateDifference:
    """Return what is different between the resources of two states; `plaintexts` as in `compare_properties`."""
    former, present = _stack_of(before), _stack_of(after)
    is_of_one_stack = former == present or former is None or present is None
    old = _items(before, _Names(former, present) if former is not None and present is not None and not is_of_one_stack else None)
    new = _items(after)
    pairs, removed = _pairs(old, new)
    resources = []
    unchanged = 0
    for earlier, later in pairs:
        difference = (
            _added(later) if earlier is None else _difference(earlier, later, plaintexts, is_of_one_stack=is_of_one_stack)
        )
        if difference is None:
            unchanged += 1
        else:
            resources.append(difference)
    return StateDifference([*resources, *map(_removed, removed)], unchanged, is_of_one_stack)


def find_secrets(before: Sequence[StoredResource], after: Sequence[StoredResource]) -> tuple[set[str], set[str]]:
    """Return the ciphertexts of secrets that are in one of the two states only, of the earlier and of the later one."""
    old, new = ({item.text for item in state} for state in (before, after))
    first, second = ({text for item in texts for text in ciphertexts(read_object(item))} for texts in (old - new, new - old))
    return first - second, second - first


def _items(state: Iterable[StoredResource], names: "_Names | None" = None) -> dict[_Key, _Item]:
    """Return resources by key, in order; with names, texts and keys are written as those of the other stack."""
    items: dict[_Key, _Item] = {}
    for resource in state:
        text = names.translated(resource.text) if names is not None else resource.text
        urn = names.translated(resource.urn.encode()).decode() if names is not None else resource.urn
        key = urn, ""
        if b'"delete"' in text or key in items:
            members = read_object(text)
            if members.get("delete") is True or key in items:
                key = urn, f"deleted {members.get('id', '')} {len(items) if key in items else ''}"
        items[key] = _Item(resource.urn, key, text)
    return items


def _pairs(old: dict[_Key, _Item], new: dict[_Key, _Item]) -> tuple[list[tuple[_Item | None, _Item]], list[_Item]]:
    """Return each later resource with its earlier self, if there is one, and the earlier resources without a later self."""
    lost = {key: item for key, item in old.items() if key not in new}
    by_urn = {key[0]: item for key, item in lost.items() if not key[1]}
    by_id = _by_id(lost.values()) if by_urn else {}
    pairs: list[tuple[_Item | None, _Item]] = []
    taken: set[_Key] = set()
    for key, later in new.items():
        earlier = old.get(key)
        if earlier is None and not key[1] and by_urn:
            earlier = _find_former(later, by_urn, by_id, taken)
            if earlier is not None:
                taken.add(earlier.key)
        pairs.append((earlier, later))
    return pairs, [item for key, item in lost.items() if key not in taken]


def _find_former(
    later: _Item, by_urn: dict[str, _Item], by_id: dict[tuple[str, str], list[_Item]], taken: set[_Key]
) -> _Item | None:
    members = later.opened()
    aliases = members.get("aliases")
    named = (
        [by_urn[alias] for alias in aliases if isinstance(alias, str) and alias in by_urn] if isinstance(aliases, list) else []
    )
    same_id = by_id.get(_identity(members), []) if members.get("id") else []
    candidates = [item for item in [*named, *(same_id if len(same_id) == 1 else [])] if item.key not in taken]
    return candidates[0] if candidates else None


def _by_id(items: Iterable[_Item]) -> dict[tuple[str, str], list[_Item]]:
    by_id: dict[tuple[str, str], list[_Item]] = defaultdict(list)
    for item in items:
        members = item.opened()
        if not item.key[1] and members.get("id"):
            by_id[_identity(members)].append(item)
    return by_id


def _identity(members: dict[str, Any]) -> tuple[str, str]:
    return str(members.get("type", "")), str(members["id"])


def _difference(earlier: _Item, later: _Item, plaintexts: Plaintexts, *, is_of_one_stack: bool) -> ResourceDifference | None:
    if earlier.text == later.text:
        return None
    old, new = earlier.opened(), later.opened()
    inputs, is_cut = compare_properties(_object(old, "inputs"), _object(new, "inputs"), plaintexts)
    outputs: list[PropertyDifference] = []
    is_cut_too = False
    if is_of_one_stack:
        known = {(item.path, item.before, item.after) for item in inputs}
        outputs, is_cut_too = compare_properties(_object(old, "outputs"), _object(new, "outputs"), plaintexts)
        outputs = [item for item in outputs if (item.path, item.before, item.after) not in known]
    names = sorted({*old, *new} - _QUIET - _OWN - (frozenset() if is_of_one_stack else {"id"}))
    others = compare_members(old, new, names)
    moves = _moves(earlier, later, old, new)
    if not (inputs or outputs or others or moves):
        return None
    is_replaced = is_of_one_stack and bool(old.get("id")) and old.get("id") != new.get("id")
    change = Change.REPLACED if is_replaced else Change.MOVED if moves else Change.CHANGED
    former = earlier.urn if earlier.key != later.key else ""
    return ResourceDifference(
        change, later.urn, former, *_names(later, new), moves, inputs, outputs, others, is_cut or is_cut_too
    )


def _moves(earlier: _Item, later: _Item, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    names = [urn.name if urn is not None else "" for urn in (find(earlier.key[0]), find(later.key[0]))]
    differs = {
        "name": names[0] != names[1],
        "parent": old.get("parent", "") != new.get("parent", ""),
        # The part after the URN is the id of the provider, which changes with every replacement of that.
        "provider": _provider(old) != _provider(new),
        "type": old.get("type") != new.get("type"),
    }
    return [name for name, is_different in differs.items() if is_different]


def _provider(members: dict[str, Any]) -> str:
    return str(members.get("provider") or "").rpartition("::")[0]


def _added(later: _Item) -> ResourceDifference:
    members = later.opened()
    inputs, is_cut = compare_properties({}, _object(members, "inputs"), _NOTHING)
    others = compare_members({}, members, _DELETE if members.get("delete") else [])
    return ResourceDifference(Change.ADDED, later.urn, "", *_names(later, members), inputs=inputs, others=others, is_cut=is_cut)


def _removed(earlier: _Item) -> ResourceDifference:
    members = earlier.opened()
    inputs, is_cut = compare_properties(_object(members, "inputs"), {}, _NOTHING)
    others = compare_members(members, {}, _DELETE if members.get("delete") else [])
    names = _names(earlier, members)
    return ResourceDifference(Change.REMOVED, earlier.urn, "", *names, inputs=inputs, others=others, is_cut=is_cut)


def _names(item: _Item, members: dict[str, Any]) -> tuple[str, str]:
    """Return the type and the name of a resource."""
    urn = find(item.urn)
    kind = members.get("type")
    return (kind if isinstance(kind, str) else urn.type if urn is not None else ""), urn.name if urn is not None else item.urn


def _object(members: dict[str, Any], name: str) -> dict[str, Any]:
    value = members.get(name)
    return value if isinstance(value, dict) else {}


def _stack_of(state: Iterable[StoredResource]) -> tuple[str, str] | None:
    """Return the stack and the project in the URNs of a state, or None for a state without resources."""
    urns: Iterable[Urn | None] = (find(resource.urn) for resource in state)
    return next(((urn.stack, urn.project) for urn in urns if urn is not None), None)
