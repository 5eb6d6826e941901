"""Which stacks a caller can see, as a WHERE: role rules, grants and ownership as SQL for lists."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, and_, exists, false, or_

from common.access.repository.conditions import to_condition  # arch: predicates of roles are one condition for all lists
from common.db.tables.access import stack_grants
from common.db.tables.stacks import stack_tags, stacks
from common.rights.membership import StackScope
from common.rights.predicate import Predicate, Some

# More rules than this become one condition: a rule of its own can use an index, but costs a query.
_MOST_SEPARATE_RULES = 8


def in_scopes(scopes: Sequence[StackScope]) -> ColumnElement[bool]:
    """Return the condition that a row of `stacks` is in one of a caller's scopes; without scopes no row is."""
    return or_(false(), *reasons(scopes))


def reasons(scopes: Sequence[StackScope]) -> list[ColumnElement[bool]]:
    """Return the alternatives of that condition, each of which can use an index."""
    whole = [scope.org_id for scope in scopes if scope.is_everything]
    by_rule = _by_rule([scope for scope in scopes if not scope.is_everything])
    return [*([_of(whole)] if whole else []), *_by_person(scopes), *by_rule]


def reasons_apart(scopes: Sequence[StackScope]) -> list[ColumnElement[bool]]:
    """Return the same, but with one alternative for each organization where many stacks match, so that they come in order."""
    conditions = _by_person(scopes)
    for scope in scopes:
        conditions += [_of([scope.org_id])] if scope.is_everything else _by_rule([scope])
    return conditions


def matches(predicate: Predicate) -> ColumnElement[bool]:
    """Return a predicate over a stack as a condition on a row of `stacks`."""
    return to_condition(predicate, stacks.c.id, _has_tag)


def _has_tag(key: str, values: Collection[str] | None) -> ColumnElement[bool]:
    tag = exists().where(stack_tags.c.stack_id == stacks.c.id, stack_tags.c.name == key)
    return tag.where(stack_tags.c.value.in_(sorted(values))) if values is not None else tag


def _of(org_ids: Collection[str]) -> ColumnElement[bool]:
    return stacks.c.org_id.in_(list(org_ids))


def _by_person(scopes: Sequence[StackScope]) -> list[ColumnElement[bool]]:
    """Return the reasons beside rules: the caller owns the stack, or they or one of their teams have a grant on it.

    One condition covers all scopes: a team has no grants in another organization.
    """
    parts = [scope for scope in scopes if not scope.is_everything]
    if not parts:
        return []
    of_parts = _of([scope.org_id for scope in parts])
    owners = sorted({scope.creator_id for scope in parts})
    principals = sorted({principal for scope in parts for principal in scope.principals})
    has_grant = exists().where(stack_grants.c.stack_id == stacks.c.id, stack_grants.c.principal_id.in_(principals))
    return [and_(of_parts, stacks.c.created_by.in_(owners)), and_(of_parts, has_grant)]


def _by_rule(scopes: Sequence[StackScope]) -> list[ColumnElement[bool]]:
    """Return a condition for each rule, while there are few of them; each alternative of a rule counts as one."""
    org_ids_by_rule: dict[Predicate, list[str]] = defaultdict(list)
    for scope in scopes:
        for alternative in scope.predicate.parts if isinstance(scope.predicate, Some) else (scope.predicate,):
            org_ids_by_rule[alternative].append(scope.org_id)
    conditions = [and_(_of(org_ids), matches(alternative)) for alternative, org_ids in org_ids_by_rule.items()]
    return conditions if len(conditions) <= _MOST_SEPARATE_RULES else [or_(*conditions)]
