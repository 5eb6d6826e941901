"""Predicates of roles as conditions on the rows of a table."""

from collections.abc import Callable, Collection

from sqlalchemy import ColumnElement, and_, false, not_, or_, true

from common.rights.predicate import All, HasTag, Is, Not, Predicate, Some

HasTagRow = Callable[[str, Collection[str] | None], ColumnElement[bool]]


def to_condition(predicate: Predicate, entity_id: ColumnElement[str], has_tag: HasTagRow) -> ColumnElement[bool]:
    """Return a predicate as a condition on a row.

    `entity_id` is the column with the id of the stack or environment, and `has_tag` returns the condition that it has a tag
    with one of the values, or with any value for None.
    """
    match predicate:
        case Is(ids):
            return entity_id.in_(sorted(ids))
        case HasTag(key, values):
            return has_tag(key, values)
        case Not(inner):
            return not_(to_condition(inner, entity_id, has_tag))
        case All(parts):
            return and_(true(), *(to_condition(part, entity_id, has_tag) for part in parts))
        case Some(parts):
            return or_(false(), *(to_condition(part, entity_id, has_tag) for part in parts))
