"""A part of a state as a graph: the resources around one of them, with their parents and what they depend on. No I/O."""

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass

from common.stacks.engine.document import StoredResource
from common.stacks.overview.resources import Link, Resource, read_links

NODES_LIMIT = 300


@dataclass(frozen=True, slots=True)
class Node:
    """A resource of a graph; `parent` and `needs` are positions of other nodes in it."""

    resource: Resource
    parent: int | None
    needs: list[int]


@dataclass(frozen=True, slots=True)
class Graph:
    """The resources around the first node, nearest first; `total` is how many the state has."""

    nodes: list[Node]
    total: int


def around(stored: Iterable[StoredResource], urn: str) -> Graph | None:
    """Return the resources nearest to one of them, or to the first without a parent; None when the state has no such URN."""
    links = read_links(stored)
    if not urn:
        urn = next((key for key, link in links.items() if not link.resource.parent), next(iter(links), ""))
    if urn not in links:
        return Graph([], 0) if not links and not urn else None
    near = _nearest(links, urn)
    positions = {key: position for position, key in enumerate(near)}
    nodes = [
        Node(
            links[key].resource,
            positions.get(links[key].resource.parent) if links[key].resource.parent != key else None,
            [positions[other] for other in links[key].needs if other in positions and other != key],
        )
        for key in near
    ]
    return Graph(nodes, len(links))


def _nearest(links: dict[str, Link], urn: str) -> list[str]:
    neighbours: dict[str, list[str]] = defaultdict(list)
    for key, link in links.items():
        for other in (link.resource.parent, *link.needs):
            if other in links and other != key:
                neighbours[key].append(other)
                neighbours[other].append(key)
    seen, pending = {urn: None}, deque([urn])
    while pending and len(seen) < NODES_LIMIT:
        for other in neighbours[pending.popleft()]:
            if other not in seen and len(seen) < NODES_LIMIT:
                seen[other] = None
                pending.append(other)
    return list(seen)
