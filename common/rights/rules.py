"""The permissions of a custom role: all on one entity, or one permission as a predicate over all entities of a kind.

Both read a descriptor the same way: the union of every Allow that is reached; nothing denies. The Compose nodes of
descriptors are resolved (common/rights/descriptor.py).
"""

from collections.abc import Iterator
from functools import lru_cache

from common.rights import descriptor as d
from common.rights.permissions import Permission
from common.rights.predicate import ALWAYS, NEVER, Entity, EntityKind, Predicate, both, either, equal, holds, outcome

# Parsing is a pure function of the text, so a process may cache a few results.
_CACHE_SIZE = 128


@lru_cache(maxsize=_CACHE_SIZE)
def parse(text: str) -> d.Descriptor:
    """Return the descriptor of a role's row; the text was checked when it was stored."""
    return d.decode(text.encode())


def permissions_on(descriptor: d.Descriptor, entity: Entity | None) -> frozenset[Permission]:
    """Return the permissions of a descriptor on an entity, or on the organization itself (None)."""
    permissions: set[Permission] = set()
    for predicate, allowed in _reached(descriptor, entity.kind if entity else None):
        if not permissions.issuperset(allowed) and (predicate == ALWAYS or (entity is not None and holds(predicate, entity))):
            permissions |= allowed
    return frozenset(permissions)


def where_granted(descriptor: d.Descriptor, permissions: frozenset[Permission], kind: EntityKind) -> Predicate:
    """Return the entities of a kind on which a descriptor has at least one of the permissions."""
    return either(predicate for predicate, allowed in _reached(descriptor, kind) if allowed & permissions)


def _reached(descriptor: d.Descriptor | None, kind: EntityKind | None) -> Iterator[tuple[Predicate, frozenset[Permission]]]:
    """Yield each Allow with the predicate under which it is reached."""
    match descriptor:
        case d.Allow(permissions):
            yield ALWAYS, frozenset(permissions or ())
        case d.Group(entries):
            for entry in entries or ():
                yield from _reached(entry, kind)
        case d.Condition(condition, sub_node):
            yield from _under(outcome(condition, kind)[0], sub_node, kind)
        case d.IfThenElse(condition, for_true, for_false):
            where_true, where_false = outcome(condition, kind)
            yield from _under(where_true, for_true, kind)
            yield from _under(where_false, for_false, kind)
        case d.Select(selector, options):
            passed: Predicate = ALWAYS
            for option in options or ():
                is_it, is_not = equal(selector, option.value, kind)
                yield from _under(both((passed, is_it)), option.node, kind)
                passed = both((passed, is_not))


def _under(
    predicate: Predicate,
    descriptor: d.Descriptor | None,
    kind: EntityKind | None,
) -> Iterator[tuple[Predicate, frozenset[Permission]]]:
    if predicate == NEVER:
        return
    for inner, allowed in _reached(descriptor, kind):
        combined = both((predicate, inner))
        if combined != NEVER:
            yield combined, allowed
