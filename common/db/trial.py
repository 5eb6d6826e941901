"""Tries what the database user may do, before a start relies on it. A trial leaves nothing behind."""

from contextlib import suppress

from sqlalchemy import Column, Connection, Index, MetaData, String, Table, delete, insert, select, update
from sqlalchemy.schema import CreateIndex, CreateTable, DropTable

from common.core.ids import new_id
from common.db.engine import Database
from common.db.tables.installation import service_keys


class _Undone(Exception):
    """Ends a transaction that is not meant to last."""


def write_rows(db: Database) -> None:
    """Insert, change, read and delete a row in a transaction that is rolled back; raises what the database raises."""
    if db.dialect == "sqlite":
        # BEGIN IMMEDIATE is refused where the file cannot be written to, and an empty transaction writes nothing.
        with db.begin():
            return
    row = service_keys.c.name == (name := f"trial-{new_id()}"[:36])
    with suppress(_Undone), db.begin() as tx:
        tx.execute(insert(service_keys).values(name=name, wrapped_key=b"", created_at=0))
        tx.execute(update(service_keys).where(row).values(created_at=1))
        tx.execute(select(service_keys.c.name).where(row))
        tx.execute(delete(service_keys).where(row))
        raise _Undone


def write_tables(connection: Connection) -> None:
    """Make a table with an index, write to it and drop it, and what a trial that was cut off has left; raises likewise.

    The caller holds the lock of migrations, so no other trial runs.
    """
    name = Column("name", String(36), primary_key=True)
    table = Table("stackhold_trial", MetaData(), name)
    connection.execute(DropTable(table, if_exists=True))
    connection.execute(CreateTable(table))
    try:
        connection.execute(CreateIndex(Index("ix_stackhold_trial", name)))
        connection.execute(insert(table).values(name="trial"))
        connection.execute(update(table).values(name="changed"))
        connection.execute(delete(table))
    finally:
        connection.execute(DropTable(table))
