"""Filters and pages as statements: the same on both databases, whatever their LIKE makes of case."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, true

from common.sign_in.scim.filters import Condition, Operator
from common.sign_in.scim.model import Invalid, ScimType
from common.sign_in.scim.query import Asked

# Attributes whose case does not count are kept in lower case.
Columns = Mapping[str, tuple[ColumnElement[Any], bool]]


def where(conditions: Iterable[Condition], columns: Columns) -> list[ColumnElement[bool]]:
    """Return the conditions as expressions; raises Invalid for an attribute that cannot be filtered by."""
    return [_expression(condition, columns) for condition in conditions]


def total_of(asked: Asked, found: int) -> int | None:
    """Return how many there are in all where a page of so many tells it, or None."""
    is_last = found < asked.count and (found > 0 or asked.start == 1)
    return asked.start - 1 + found if is_last else None


def _expression(condition: Condition, columns: Columns) -> ColumnElement[bool]:
    if condition.attribute not in columns:
        names = ", ".join(sorted(columns))
        raise Invalid(ScimType.INVALID_FILTER, f"{condition.attribute[:100]!a} cannot be filtered by; these can: {names}")
    column, is_folded = columns[condition.attribute]
    if condition.operator is Operator.PRESENT:
        return true() if condition.attribute == "active" else and_(column.is_not(None), column != "")
    value = condition.value
    if isinstance(value, bool) is not (condition.attribute == "active"):
        raise Invalid(ScimType.INVALID_FILTER, f"{condition.attribute} is compared with another kind of value")
    if value is None or isinstance(value, bool):
        return column if value else ~column
    text = value.lower() if is_folded else value
    match condition.operator:
        case Operator.CONTAINS:
            return func.instr(column, text) > 0 if text else true()
        case Operator.STARTS:
            return func.substr(column, 1, len(text)) == text
    return column == text if text else false()
