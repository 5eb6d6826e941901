"""What all tables are made of: the types and names that SQLite and MySQL 8 share.

Columns ending in `_at` hold whole milliseconds since 1970 (UTC). Documents that a client sent for keeping are text or
bytes, never a JSON type: a JSON column would re-spell numbers and re-order members. Identifiers are made by the
application (common.core.ids). Every index that a guarded statement relies on is named where its table is.
"""

from sqlalchemy import LargeBinary, MetaData, String, Table, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import SchemaItem

LONG_TEXT = Text().with_variant(mysql.LONGTEXT(), "mysql")
LONG_BLOB = LargeBinary().with_variant(mysql.LONGBLOB(), "mysql")
ID = String(36)
NAME = String(100)
BLOB_KEY = String(255)

METADATA = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"},
)


# `utf8mb4_0900_bin` compares bytes and does not pad, as SQLite does; `utf8mb4_bin` would take 'a' and 'a ' for equal.
def table(name: str, *parts: SchemaItem) -> Table:
    """Return a table of these columns and indexes."""
    return Table(name, METADATA, *parts, mysql_engine="InnoDB", mysql_charset="utf8mb4", mysql_collate="utf8mb4_0900_bin")
