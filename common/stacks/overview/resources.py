"""The resources of a state as people look at them: as a tree by parent, counted by type, one with its neighbours. No I/O."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from msgspec import Raw

from common.stacks.engine.document import StoredResource
from common.stacks.engine.jsontext import JSON_ERRORS, shield_for
from common.stacks.engine.urn import find
from common.stacks.overview.values import Value, read_object, shown

_DEPTH_LIMIT = 50
_T = TypeVar("_T")


class _Head(msgspec.Struct, rename="camel"):
    type: str = ""
    id: str = ""
    parent: str = ""
    provider: str = ""
    dependencies: list[str] = []
    property_dependencies: dict[str, list[str] | None] = {}
    deleted_with: str = ""
    custom: bool = False
    delete: bool = False
    external: bool = False
    protect: bool = False
    taint: bool = False
    pending_replacement: bool = False
    created: str = ""
    modified: str = ""


class _Values(msgspec.Struct):
    inputs: Raw = Raw(b"{}")
    outputs: Raw = Raw(b"{}")


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource in a list; `depth` is how many parents it has."""

    urn: str
    name: str
    type: str
    id: str
    parent: str
    provider: str
    depth: int
    marks: tuple[str, ...]

    def mentions(self, words: Iterable[str]) -> bool:
        """Tell whether each of some words, in lower case, is in what people know the resource by."""
        text = f"{self.urn} {self.id}".lower()
        return all(word in text for word in words)


@dataclass(frozen=True, slots=True)
class Details:
    """A resource with its values and its neighbours; `dependencies` are (resource, names of inputs that need it)."""

    resource: Resource
    inputs: list[Value]
    outputs: list[Value]
    dependencies: list[tuple[Resource, list[str]]]
    dependents: list[Resource]
    children: list[Resource]
    parent: Resource | None
    provider: Resource | None
    created: str
    modified: str


@dataclass(frozen=True, slots=True)
class Link:
    """A resource and the URNs of what it depends on."""

    resource: Resource
    needs: list[str]


def read_links(stored: Iterable[StoredResource]) -> dict[str, Link]:
    """Return resources by URN, in order, each with what it depends on."""
    return {urn: Link(_resource(urn, head, 0), list(_needs(head))) for urn, head in _heads(stored).items()}


def in_tree(stored: Iterable[StoredResource]) -> list[Resource]:
    """Return resources in the order of their tree, each below its parent."""
    heads = _heads(stored)
    children: dict[str, list[str]] = defaultdict(list)
    for urn, head in heads.items():
        children[head.parent if head.parent in heads and head.parent != urn else ""].append(urn)
    resources = [_resource(urn, heads[urn], depth) for urn, depth in _walk(children)]
    seen = {resource.urn for resource in resources}
    # Parents that are their own ancestors occur in damaged states alone.
    return resources + [_resource(urn, head, 0) for urn, head in heads.items() if urn not in seen]


def count_types(resources: Iterable[Resource]) -> list[tuple[str, int]]:
    """Return how many resources there are of each type, by name."""
    return sorted(Counter(resource.type for resource in resources).items())


def find_details(stored: list[StoredResource], urn: str) -> Details | None:
    """Return a resource with its values and neighbours, or None when the state has none of that URN."""
    item = next((item for item in stored if item.urn == urn), None)
    if item is None:
        return None
    heads = _heads(stored)
    head = heads[urn]
    resources = {other: _resource(other, heads[other], 0) for other in heads}
    values = _decode(item.text, _Values) or _Values()
    provider = head.provider.rpartition("::")[0]
    return Details(
        resource=resources[urn],
        inputs=shown(read_object(bytes(values.inputs))),
        outputs=shown(read_object(bytes(values.outputs))),
        dependencies=[(resources[other], names) for other, names in _needs(head).items() if other in resources],
        dependents=[resources[other] for other, candidate in heads.items() if urn in _needs(candidate)],
        children=[resources[other] for other, candidate in heads.items() if candidate.parent == urn],
        parent=resources.get(head.parent),
        provider=resources.get(provider),
        created=head.created,
        modified=head.modified,
    )


def _walk(children: dict[str, list[str]]) -> Iterator[tuple[str, int]]:
    pending = [(urn, 0) for urn in reversed(children[""])]
    while pending:
        urn, depth = pending.pop()
        yield urn, depth
        pending += [(child, min(depth + 1, _DEPTH_LIMIT)) for child in reversed(children.get(urn, []))]


def _needs(head: _Head) -> dict[str, list[str]]:
    """Return the URNs that a resource depends on, each with the inputs that need it."""
    needs: dict[str, list[str]] = {urn: [] for urn in head.dependencies}
    for name, urns in head.property_dependencies.items():
        for urn in urns or []:
            needs.setdefault(urn, []).append(name)
    if head.deleted_with:
        needs.setdefault(head.deleted_with, [])
    return needs


def _heads(stored: Iterable[StoredResource]) -> dict[str, _Head]:
    # A URN may be there twice: the older one waits to be deleted, and the newer one stands for both in lists.
    heads: dict[str, _Head] = {}
    for item in stored:
        head = _decode(item.text, _Head) or _Head()
        if item.urn not in heads or heads[item.urn].delete:
            heads[item.urn] = head
    return heads


def _decode(text: bytes, shape: type[_T]) -> _T | None:
    """Return the members of a resource that a shape names, or None for a text that has others than it should."""
    try:
        return msgspec.json.decode(shield_for([text]).hide(text), type=shape)
    except (*JSON_ERRORS, ValueError):
        return None


def _resource(urn: str, head: _Head, depth: int) -> Resource:
    parsed = find(urn)
    marks = {
        "Protected": head.protect,
        "External": head.external,
        "Tainted": head.taint,
        "Pending deletion": head.delete,
        "Pending replacement": head.pending_replacement,
    }
    return Resource(
        urn=urn,
        name=parsed.name if parsed is not None else urn,
        type=head.type or (parsed.type if parsed is not None else ""),
        id=head.id,
        parent=head.parent,
        provider=head.provider,
        depth=depth,
        marks=tuple(mark for mark, is_set in marks.items() if is_set),
    )
