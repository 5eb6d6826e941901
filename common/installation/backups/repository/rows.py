"""Rows of all tables, read for a backup and inserted to restore one.

Every table is written here: an installation that is being restored is not in use yet, so no area works with its tables.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    Numeric,
    String,
    Table,
    and_,
    column,
    func,
    insert,
    inspect,
    or_,
    select,
    table,
)
from sqlalchemy.types import TypeEngine

from common.db.tables.installation import service_keys
from common.db.tables.metadata import METADATA
from common.db.tables.people import organizations, users
from common.installation.backups import model

_PAGE_BYTES = 2 << 20
_MOST_ROWS = 2000
_INSERTED_AT_ONCE = 500
# In this order: a flag is an integer for SQLAlchemy, and a float is a number.
_TYPES: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (Boolean, "boolean"),
    (Integer, "integer"),
    (LargeBinary, "bytes"),
    (Float, "float"),
    (Numeric, "decimal"),
    (DateTime, "time"),
    (String, "text"),
)


def list_tables() -> list[Table]:
    """Return the tables that a backup has, by their names."""
    return [METADATA.tables[name] for name in sorted(METADATA.tables) if name not in model.LEFT_OUT]


def columns_of(of: Table) -> list[model.Column]:
    """Return the columns of a table."""
    return [model.Column(str(each.name), _type_of(each)) for each in of.columns]


def iterate_lines(connection: Connection, of: Table) -> Iterator[bytes]:
    """Yield the rows of a table as lines, in the order of its primary key, a few megabytes in memory at a time."""
    order = list(of.primary_key.columns)
    positions = [list(of.columns).index(each) for each in order]
    conditions = [of.c.name != model.LEASE_KEY] if of is service_keys else []
    limit, after = 20, tuple[object, ...]()
    while True:
        query = select(of).where(*conditions).order_by(*order).limit(limit)
        rows = connection.execute(query.where(_follows(order, after)) if after else query).all()
        lines = [model.encode_row(tuple(row)) for row in rows]
        yield from lines
        if len(rows) < limit:
            return
        after = tuple(rows[-1][position] for position in positions)
        limit = max(1, min(_MOST_ROWS, limit * _PAGE_BYTES // max(1, sum(map(len, lines)))))


def insert_rows(tx: Connection, name: str, columns: Sequence[model.Column], rows: Sequence[dict[str, object]]) -> None:
    """Insert rows of any release's columns."""
    types = {kind: of for of, kind in _TYPES}
    of = table(name, *(column(each.name, types[each.type]) for each in columns))
    for start in range(0, len(rows), _INSERTED_AT_ONCE):
        tx.execute(insert(of), list(rows[start : start + _INSERTED_AT_ONCE]))


def count_rows(connection: Connection, name: str) -> int:
    """Return the number of rows of a table."""
    return connection.scalar(select(func.count()).select_from(table(name))) or 0


def is_used(connection: Connection) -> bool:
    """Tell whether the database has keys, users or organizations of an installation; one without tables has none."""
    return any(
        inspect(connection).has_table(each.name) and count_rows(connection, each.name)
        for each in (service_keys, organizations, users)
    )


def _type_of(of: Column[object]) -> str:
    return next(kind for known, kind in _TYPES if isinstance(of.type, known))


def _follows(order: Sequence[Column[object]], after: tuple[object, ...]) -> ColumnElement[bool]:
    """Return the condition that a row comes after one, written so that both databases use the index of the primary key."""
    return or_(
        *(
            and_(*(each == value for each, value in zip(order[:at], after, strict=False)), order[at] > after[at])
            for at in range(len(order))
        )
    )
