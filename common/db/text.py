"""Texts in statements: what a list is searched for, in upper or lower case."""

from typing import Any

from sqlalchemy import ColumnElement, func, literal


def contains(column: ColumnElement[Any], part: str) -> ColumnElement[bool]:
    """Return the condition that a column has a text in it, in upper or lower case; no letter of the text is a pattern."""
    # The database changes the case of both sides: SQLite does so for ASCII alone, and other letters must still match.
    return func.instr(func.lower(column), func.lower(literal(part))) > 0
