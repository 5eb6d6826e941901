"""Which stacks a caller may see, as a WHERE: rules of roles, grants and the creator rule become SQL for lists."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, bindparam, exists, false, not_, or_, true

from common.access.predicate import All, Is, Lacks, Predicate, Some, Tagged
from common.access.rights import StackScope
from common.db.tables import stack_grants, stack_tags, stacks


def in_scopes(scopes: Sequence[StackScope]) -> ColumnElement[bool]:
    """Return the condition that a row of `stacks` is in one of the scopes; without scopes, that none is."""
    whole = [scope.org_id for scope in scopes if scope.is_everything]
    parts = [_in_scope(scope) for scope in scopes if not scope.is_everything]
    if whole:
        parts.append(stacks.c.org_id.in_(bindparam("org_ids", whole, expanding=True)))
    return or_(false(), *parts)


def matches(predicate: Predicate) -> ColumnElement[bool]:
    """Return a predicate over a stack as a condition on a row of `stacks`."""
    match predicate:
        case Is(ids):
            return stacks.c.id.in_(sorted(ids))
        case Tagged(key, values):
            found = exists().where(stack_tags.c.stack_id == stacks.c.id, stack_tags.c.name == key)
            return found.where(stack_tags.c.value.in_(sorted(values))) if values is not None else found
        case Lacks(inner):
            return not_(matches(inner))
        case All(parts):
            return and_(true(), *(matches(part) for part in parts))
        case Some(parts):
            return or_(false(), *(matches(part) for part in parts))


def _in_scope(scope: StackScope) -> ColumnElement[bool]:
    given = exists().where(stack_grants.c.stack_id == stacks.c.id, stack_grants.c.principal_id.in_(scope.principals))
    seen = [stacks.c.created_by == scope.creator_id, given]
    if not scope.is_nothing_by_rule:
        seen.append(matches(scope.predicate))
    return and_(stacks.c.org_id == scope.org_id, or_(*seen))
