"""Asks the database for a sign of life."""

from sqlalchemy import literal, select

from common.db.engine import Database


def ping(db: Database) -> None:
    """Return when the database answers a statement; raises Unavailable."""
    with db.connect() as connection:
        connection.execute(select(literal(1)))
