"""Filters and pages as SQL. Without LIKE, since the databases disagree on its case."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, true

from common.sign_in.scim.filters import Condition, Operator
from common.sign_in.scim.model import InvalidRequest, ScimType
from common.sign_in.scim.query import ListQuery

# The column of each attribute, and whether it is stored in lower case because case does not count.
Columns = Mapping[str, tuple[ColumnElement[Any], bool]]


def where(conditions: Iterable[Condition], columns: Columns) -> list[ColumnElement[bool]]:
    """Return the conditions as expressions; raises InvalidRequest for an attribute without a column."""
    return [_expression(condition, columns) for condition in conditions]


def total_of(query: ListQuery, rows: int) -> int | None:
    """Return the total number of resources if it follows from the number found on a page, or None."""
    is_last = rows < query.count and (rows > 0 or query.start == 1)
    return query.start - 1 + rows if is_last else None


def _expression(condition: Condition, columns: Columns) -> ColumnElement[bool]:
    if condition.attribute not in columns:
        names = ", ".join(sorted(columns))
        detail = f"a filter cannot use {condition.attribute[:100]!a}; it can use {names}"
        raise InvalidRequest(ScimType.INVALID_FILTER, detail)
    column, is_lower = columns[condition.attribute]
    if condition.operator is Operator.PRESENT:
        return true() if condition.attribute == "active" else and_(column.is_not(None), column != "")
    value = condition.value
    if isinstance(value, bool) is not (condition.attribute == "active"):
        kind = "true or false" if condition.attribute == "active" else "a text"
        raise InvalidRequest(ScimType.INVALID_FILTER, f"a filter must compare {condition.attribute} with {kind}")
    if value is None or isinstance(value, bool):
        return column if value else ~column
    text = value.lower() if is_lower else value
    match condition.operator:
        case Operator.CONTAINS:
            return func.instr(column, text) > 0 if text else true()
        case Operator.STARTS:
            return func.substr(column, 1, len(text)) == text
    return column == text if text else false()
