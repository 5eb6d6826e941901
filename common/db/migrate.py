"""Brings the database to this release's tables, and refuses one that is not at them.

Only this module and the migrations import Alembic, and only when there is something to do. Two runs never overlap; a run
that was cut off is finished by the next one.
"""

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, String, Table, func, inspect, select
from sqlalchemy.exc import DatabaseError, DBAPIError

from common.core.errors import StartUpError, Unavailable
from common.db import health, trial
from common.db.engine import Database
from common.db.explaining import explain
from common.db.faults import words
from common.db.migrations import REVISIONS

WAIT_SECONDS = 60
HEAD = REVISIONS[-1]
# Alembic's own table, outside METADATA because a fresh database does not have it before the first step has run.
_VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))


class State(StrEnum):
    """How a database stands to this release."""

    CURRENT = "current"
    EMPTY = "empty"
    OLDER = "older"
    NEWER = "newer"


def version(db: Database) -> str | None:
    """Return the database's revision, or None for one without tables; raises StartUpError when it cannot be read."""
    with _explained(db), db.connect() as connection:
        return _read_version(connection)


def read_version(connection: Connection) -> str:
    """Return the revision of a database that is known to have tables, in one statement."""
    revision: str = connection.execute(select(_VERSION.c.version_num)).scalar_one()
    return revision


def state_of(revision: str | None) -> State:
    """Tell how a revision stands to this release."""
    if revision is None:
        return State.EMPTY
    if revision not in REVISIONS:
        return State.NEWER
    return State.CURRENT if revision == HEAD else State.OLDER


def check(db: Database) -> None:
    """Raise StartUpError unless the database is at this release's revision."""
    revision = version(db)
    refuse_newer(revision)
    if revision != HEAD:
        state = f"at revision {revision}" if revision else "without tables"
        raise StartUpError(f"the database is {state} and this release needs {HEAD}: run `stackhold migrate`")
    with _explained(db):
        health.require_fit(db)


def refuse_newer(revision: str | None) -> None:
    """Raise StartUpError for a revision that a later release made."""
    if state_of(revision) is State.NEWER:
        raise StartUpError(
            f"the database is at revision {revision}, newer than this program, which knows {HEAD}: use the release that made it"
        )


def migrate(db: Database, *, wait_seconds: int = WAIT_SECONDS, to: str = HEAD) -> bool:
    """Bring the database to this release's revision, or to an earlier one, and tell whether anything was done; StartUpError.

    On MySQL it waits so many seconds for another migration to end.
    """
    revision = version(db)
    refuse_newer(revision)
    if revision != to:
        with _explained(db), _locked(db, wait_seconds) as connection:
            if _read_version(connection) != to:  # Another run may have been first while this one waited.
                _run(connection, to)
    with _explained(db):
        health.require_fit(db)
    return revision != to


def require_rights(db: Database) -> None:
    """Raise StartUpError unless rows, and where a migration is to come also tables, can be written; a trial leaves nothing."""
    with _explained(db):
        if db.dialect == "sqlite" or state_of(version(db)) is State.CURRENT:
            trial.write_rows(db)
            return
        with _locked(db) as connection:
            trial.write_tables(connection)


def _read_version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION.name):
        return None
    revision: str | None = connection.scalar(select(_VERSION.c.version_num))
    return revision


@contextmanager
def _locked(db: Database, wait_seconds: int = WAIT_SECONDS) -> Iterator[Connection]:
    """Yield a connection on which no other run works at the same time."""
    if db.dialect == "sqlite":
        with db.begin() as connection:  # BEGIN IMMEDIATE: one writer, and all steps or none.
            yield connection
        return
    # The lock is the connection's, so it is free again when that ends, however that ends.
    with closing(db.open_patient()) as patient, patient.connect() as connection:
        if connection.scalar(select(func.get_lock(_lock_name(connection), wait_seconds))) != 1:
            raise StartUpError(
                f"another migration of this database is still running after {wait_seconds} seconds; try again when it has ended"
            )
        yield connection


def _lock_name(connection: Connection) -> str:
    # The server knows one space of names for all its databases, and refuses names over 64 characters.
    database = str(connection.engine.url.database)
    return f"stackhold.migrate.{hashlib.sha256(database.encode()).hexdigest()[:32]}"


def _run(connection: Connection, to: str) -> None:
    from alembic import command  # noqa: PLC0415 - a third of a second, needed once in a release
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, to)
    except DBAPIError as error:
        # MySQL keeps the steps before this one; each is harmless when it is done again.
        statement = " ".join((error.statement or "").split())[:100]
        again = "fix this and run `stackhold migrate` again; it continues from there"
        raise StartUpError(f"the migration to revision {to} stopped at `{statement}`: {words(error)}; {again}") from error


@contextmanager
def _explained(db: Database) -> Iterator[None]:
    try:
        yield
    except (Unavailable, DatabaseError) as error:
        raise StartUpError(f"the database cannot be used: {explain(error, db.place)}") from error
