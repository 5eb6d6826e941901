"""What a migration is made of, so that it can go on where a crash left it.

MySQL commits every statement that changes tables, so a step must be harmless when it has been done already. SQLite runs
all steps in one transaction and never sees half of one.
"""

from typing import Any

from alembic import op
from sqlalchemy import Column, Index, UniqueConstraint, inspect

# Compares bytes and does not pad, as SQLite does; see common/db/tables/.
_MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_0900_bin"}


def create_table(name: str, *parts: Column[object] | UniqueConstraint, indexes: tuple[Index, ...] = ()) -> None:
    """Create a table and its indexes, each only where it is absent."""
    if not _has_table(name):
        op.create_table(name, *parts, **_MYSQL)
    present = _indexes(name)
    for index in indexes:
        if index.name not in present:
            op.create_index(str(index.name), name, list(index.expressions))


def add_column(name: str, column: Column[object]) -> None:
    """Add a column to a table, where it is absent."""
    if column.name not in _columns(name):
        op.add_column(name, column)


def create_index(index: str, name: str, columns: list[str], *, unique: bool = False) -> None:
    """Create an index of a table, where it is absent."""
    if index not in _indexes(name):
        op.create_index(index, name, columns, unique=unique)


def fill(statement: str) -> None:
    """Run a statement that fills a table, and does no harm once more; a script of statements for reading leaves it out."""
    if not op.get_context().as_sql:
        op.execute(statement)


def _columns(name: str) -> set[str]:
    return set() if op.get_context().as_sql else {column["name"] for column in inspect(op.get_bind()).get_columns(name)}


def _has_table(name: str) -> bool:
    return not op.get_context().as_sql and inspect(op.get_bind()).has_table(name)


def _indexes(name: str) -> set[str | None]:
    return set() if op.get_context().as_sql else {index["name"] for index in inspect(op.get_bind()).get_indexes(name)}
