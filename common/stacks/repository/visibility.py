"""Which stacks a caller may see, as a WHERE: rules of roles, grants and the creator rule become SQL for lists."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, and_, exists, false, not_, or_, true

from common.db.tables.access import stack_grants
from common.db.tables.stacks import stack_tags, stacks
from common.rights.membership import StackScope
from common.rights.predicate import All, HasTag, Is, Not, Predicate, Some

# More rules than this are asked together: each by itself finds its stacks by an index, but costs a query.
_RULES_APART = 8


def in_scopes(scopes: Sequence[StackScope]) -> ColumnElement[bool]:
    """Return the condition that a row of `stacks` is in one of one caller's scopes; without scopes, that none is."""
    return or_(false(), *reasons(scopes))


def reasons(scopes: Sequence[StackScope]) -> list[ColumnElement[bool]]:
    """Return the same condition as a few that it is the disjunction of, each of which a database can find by an index."""
    whole = [scope.org_id for scope in scopes if scope.is_everything]
    by_rule = _by_rule([scope for scope in scopes if not scope.is_everything])
    return [*([_of(whole)] if whole else []), *_given(scopes), *by_rule]


def reasons_apart(scopes: Sequence[StackScope]) -> list[ColumnElement[bool]]:
    """Return the same, but what takes many stacks is asked of one organization at a time, so that it is found in order."""
    found = _given(scopes)
    for scope in scopes:
        found += [_of([scope.org_id])] if scope.is_everything else _by_rule([scope])
    return found


def matches(predicate: Predicate) -> ColumnElement[bool]:
    """Return a predicate over a stack as a condition on a row of `stacks`."""
    match predicate:
        case Is(ids):
            return stacks.c.id.in_(sorted(ids))
        case HasTag(key, values):
            found = exists().where(stack_tags.c.stack_id == stacks.c.id, stack_tags.c.name == key)
            return found.where(stack_tags.c.value.in_(sorted(values))) if values is not None else found
        case Not(inner):
            return not_(matches(inner))
        case All(parts):
            return and_(true(), *(matches(part) for part in parts))
        case Some(parts):
            return or_(false(), *(matches(part) for part in parts))


def _of(org_ids: Collection[str]) -> ColumnElement[bool]:
    return stacks.c.org_id.in_(list(org_ids))


def _given(scopes: Sequence[StackScope]) -> list[ColumnElement[bool]]:
    """Return what shows a stack whatever the rules are: it was made by the caller, or given to one of the principals.

    Those of all scopes at once: a team has no grants in an organization that is not its own.
    """
    parts = [scope for scope in scopes if not scope.is_everything]
    if not parts:
        return []
    of_parts = _of([scope.org_id for scope in parts])
    makers = sorted({scope.creator_id for scope in parts})
    principals = sorted({principal for scope in parts for principal in scope.principals})
    given = exists().where(stack_grants.c.stack_id == stacks.c.id, stack_grants.c.principal_id.in_(principals))
    return [and_(of_parts, stacks.c.created_by.in_(makers)), and_(of_parts, given)]


def _by_rule(scopes: Sequence[StackScope]) -> list[ColumnElement[bool]]:
    """Return a condition for each rule there is, while there are few; a rule that alternatives make up is as many."""
    ruled: dict[Predicate, list[str]] = defaultdict(list)
    for scope in scopes:
        for alternative in scope.predicate.parts if isinstance(scope.predicate, Some) else (scope.predicate,):
            ruled[alternative].append(scope.org_id)
    found = [and_(_of(org_ids), matches(alternative)) for alternative, org_ids in ruled.items()]
    return found if len(found) <= _RULES_APART else [or_(*found)]
