"""Filters and orders of the list of issues, as conditions of SQL."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, true

from common.db.tables.people import users
from common.db.tables.policies import policy_issues
from common.db.tables.stacks import stacks
from common.policies.issues.grid import Condition, Leaf, Sorting
from common.policies.issues.model import SEVERITIES
from common.rights.membership import StackScope
from common.stacks.repository.visibility import in_scopes  # arch: which stacks a caller sees is one condition for all lists

_issues = policy_issues.c
COLUMNS: dict[str, ColumnElement[Any]] = {
    "severity": _issues.severity,
    "priority": _issues.priority,
    "status": _issues.status,
    "policyPack": _issues.pack_name,
    "policyPackTag": _issues.pack_tag,
    "policyName": _issues.policy_name,
    "policyGroupName": _issues.group_name,
    "policyGroupType": _issues.kind,
    "kind": _issues.kind,
    "level": _issues.level,
    "message": _issues.message,
    "resourceType": _issues.resource_type,
    "resourceName": _issues.resource_name,
    "resourceURN": _issues.resource_urn,
    "assignedTo": func.coalesce(users.c.login, ""),
    "entityType": literal("stack"),
    "entityProject": stacks.c.project,
    "entityId": stacks.c.name,
    "stackVersion": _issues.stack_version,
    "observedAt": _issues.observed_at,
    "lastModified": _issues.modified_at,
}
# Their words are not in the order of what they mean.
RANKS = {"severity": SEVERITIES}


def matching(scope: StackScope, condition: Condition | None, statuses: Iterable[str]) -> list[ColumnElement[bool]]:
    """Return the conditions for issues that a caller sees, of some statuses, that a filter accepts."""
    return [*visible(scope), _issues.status.in_(list(statuses)), _to_sql(condition) if condition is not None else true()]


def visible(scope: StackScope) -> list[ColumnElement[bool]]:
    """Return the conditions for issues of stacks that a caller sees."""
    # A stack that moved to another organization leaves its issues behind.
    return [_issues.org_id == scope.org_id, stacks.c.org_id == scope.org_id, stacks.c.live == 1, in_scopes([scope])]


def order_by(order: Sequence[Sorting]) -> list[ColumnElement[Any]]:
    """Return the columns to sort by; the id comes last, so that the order of two issues is always the same."""
    columns = []
    for sorting in order:
        column = COLUMNS[sorting.column]
        ranks = RANKS.get(sorting.column)
        if ranks:
            column = _rank(column, ranks)
        columns.append(column.desc() if sorting.is_descending else column.asc())
    return [*(columns or [_issues.observed_at.desc()]), _issues.id]


def _to_sql(condition: Condition) -> ColumnElement[bool]:
    if isinstance(condition, Leaf):
        return _compare(condition)
    parts = [_to_sql(part) for part in condition.conditions]
    return (or_(*parts) if condition.is_any else and_(*parts)) if parts else true()


def _compare(leaf: Leaf) -> ColumnElement[bool]:
    column, text = COLUMNS[leaf.column], leaf.text
    match leaf.operator:
        case "equals":
            return column == text
        case "notEqual":
            return column != text
        case "contains":
            return column.contains(text, autoescape=True)
        case "notContains":
            return ~column.contains(text, autoescape=True)
        case "startsWith":
            return column.startswith(text, autoescape=True)
        case "endsWith":
            return column.endswith(text, autoescape=True)
        case "blank":
            return column == ""
        case _:
            return column != ""


def _rank(column: ColumnElement[Any], words: Sequence[str]) -> ColumnElement[int]:
    """Return the place of a word among some, 0 for another one."""
    return case({word: number for number, word in enumerate(words, 1)}, value=column, else_=0)
