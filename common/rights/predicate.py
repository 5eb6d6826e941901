"""The condition of a role as logic: the same value is evaluated here and translated to SQL for lists.

A condition may refer to a thing that is not the current entity (a team's id while the entity is a stack). Then it neither holds
nor fails, and so does its negation: nothing is allowed by accident. So a condition becomes two predicates, one for "it holds"
and one for "it fails".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from common.rights import descriptor as d


class EntityKind(StrEnum):
    """The kinds of things with permissions, besides the organization itself; values are upstream's `resourceType`."""

    STACK = "stack"
    ENVIRONMENT = "environment"
    ACCOUNT = "insights-account"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class Entity:
    """The thing that permissions are checked on."""

    kind: EntityKind
    id: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Is:
    """The entity is one of these."""

    ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class HasTag:
    """The entity has the tag, with one of `values` unless it is None."""

    key: str
    values: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; without parts: always."""

    parts: "tuple[Predicate, ...]" = ()


@dataclass(frozen=True, slots=True)
class Some:
    """A part holds; without parts: never."""

    parts: "tuple[Predicate, ...]" = ()


@dataclass(frozen=True, slots=True)
class Not:
    """The inner predicate, which is always about the current entity, does not hold."""

    inner: Is | HasTag


Predicate = Is | HasTag | All | Some | Not
Outcome = tuple[Predicate, Predicate]  # where a condition holds, and where it fails

ALWAYS, NEVER = All(), Some()
_UNKNOWN: Outcome = (NEVER, NEVER)
_CONTEXTS: dict[type, EntityKind] = {
    d.Stack: EntityKind.STACK,
    d.Environment: EntityKind.ENVIRONMENT,
    d.InsightsAccount: EntityKind.ACCOUNT,
    d.Team: EntityKind.TEAM,
}
_IDENTITIES: dict[type, EntityKind] = {
    d.LiteralStack: EntityKind.STACK,
    d.LiteralEnvironment: EntityKind.ENVIRONMENT,
    d.LiteralInsightsAccount: EntityKind.ACCOUNT,
    d.LiteralTeam: EntityKind.TEAM,
    d.SetStack: EntityKind.STACK,
    d.SetEnvironment: EntityKind.ENVIRONMENT,
    d.SetInsightsAccount: EntityKind.ACCOUNT,
    d.SetTeam: EntityKind.TEAM,
}


def holds(predicate: Predicate, entity: Entity) -> bool:
    """Tell whether a predicate holds for an entity of its kind."""
    match predicate:
        case Is(ids):
            return entity.id in ids
        case HasTag(key, values):
            return key in entity.tags and (values is None or entity.tags[key] in values)
        case All(parts):
            return all(holds(part, entity) for part in parts)
        case Some(parts):
            return any(holds(part, entity) for part in parts)
        case Not(inner):
            return not holds(inner, entity)


def both(parts: Iterable[Predicate]) -> Predicate:
    """Return the conjunction, simplified."""
    remaining = tuple(part for part in parts if part != ALWAYS)
    if NEVER in remaining:
        return NEVER
    return remaining[0] if len(remaining) == 1 else All(remaining)


def either(parts: Iterable[Predicate]) -> Predicate:
    """Return the disjunction, simplified."""
    remaining = tuple(part for part in parts if part != NEVER)
    if ALWAYS in remaining:
        return ALWAYS
    return remaining[0] if len(remaining) == 1 else Some(remaining)


def outcome(condition: d.Boolean | None, kind: EntityKind | None) -> Outcome:
    """Return where a condition holds and where it fails for entities of a kind; None is the organization itself."""
    match condition:
        case d.LiteralBool(value):
            return (ALWAYS, NEVER) if value else (NEVER, ALWAYS)
        case d.And(left, right):
            (left_holds, left_fails), (right_holds, right_fails) = outcome(left, kind), outcome(right, kind)
            return both((left_holds, right_holds)), either((left_fails, right_fails))
        case d.Or(left, right):
            (left_holds, left_fails), (right_holds, right_fails) = outcome(left, kind), outcome(right, kind)
            return either((left_holds, right_holds)), both((left_fails, right_fails))
        case d.Not(node):
            inner_holds, inner_fails = outcome(node, kind)
            return inner_fails, inner_holds
        case d.HasTag(context, key):
            return _with_negation(HasTag(key or "")) if _is_current(context, kind) else _UNKNOWN
        case d.Equal(left, right):
            return equal(left, right, kind)
        case d.In(target, values):
            return _is_among(target, values, kind)
        case _:
            return _UNKNOWN


def equal(left: d.Expression | None, right: d.Expression | None, kind: EntityKind | None) -> Outcome:
    """Return where two values are equal and where they are not."""
    if isinstance(right, d.LiteralBool) and isinstance(left, d.Boolean):
        left, right = right, left
    if isinstance(left, d.LiteralBool) and isinstance(right, d.Boolean):
        where_true, where_false = outcome(right, kind)
        return (where_true, where_false) if left.value else (where_false, where_true)
    for target, value in ((left, right), (right, left)):
        if isinstance(value, d.LiteralString):
            return _is_among(target, d.SetString(values=[value.value or ""]), kind)
        if isinstance(value, d.LiteralStack | d.LiteralEnvironment | d.LiteralInsightsAccount | d.LiteralTeam):
            return _compare_ids(target, _IDENTITIES[type(value)], {value.identity or ""}, kind)
    if isinstance(left, d.LiteralNumber) and isinstance(right, d.LiteralNumber):
        return (ALWAYS, NEVER) if (left.value or 0) == (right.value or 0) else (NEVER, ALWAYS)
    return _UNKNOWN


def _is_among(target: d.Expression | None, values: d.SetExpression | None, kind: EntityKind | None) -> Outcome:
    if not isinstance(values, d.SetString):
        return _compare_ids(target, _IDENTITIES.get(type(values)), set(getattr(values, "identities", None) or ()), kind)
    texts = frozenset(values.values or ())
    if isinstance(target, d.LiteralString):
        return (ALWAYS, NEVER) if (target.value or "") in texts else (NEVER, ALWAYS)
    if isinstance(target, d.Tag) and _is_current(target.context, kind):
        return _with_negation(HasTag(target.key or "", texts))
    return _UNKNOWN


def _compare_ids(target: d.Expression | None, of: EntityKind | None, ids: set[str], kind: EntityKind | None) -> Outcome:
    """Compare the current entity, or a constant of the same kind, with ids."""
    if of is None:
        return _UNKNOWN
    if _IDENTITIES.get(type(target)) is of:
        return (ALWAYS, NEVER) if (getattr(target, "identity", None) or "") in ids else (NEVER, ALWAYS)
    if _CONTEXTS.get(type(target)) is of is kind:
        return _with_negation(Is(frozenset(ids)))
    return _UNKNOWN


def _is_current(context: d.Context | None, kind: EntityKind | None) -> bool:
    return kind is not None and _CONTEXTS.get(type(context)) is kind


def _with_negation(predicate: Is | HasTag) -> Outcome:
    return predicate, Not(predicate)
