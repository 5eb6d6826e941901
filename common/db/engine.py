"""Opens the database and hands out connections: one statement in autocommit, or one transaction.

SQLite (a file in the data folder) and MySQL 8 are the two dialects. Both are driven in the driver's autocommit mode;
`begin` sends BEGIN itself, so that a use case of one statement costs one trip and no COMMIT.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event

from common.core.errors import StartUpError
from common.db.address import MySQL
from common.db.faults import translated

# How long a statement waits for another program's transaction (SQLite), and a thread for a free connection.
WAIT_SECONDS = 30.0
# The option of an engine that says how its transactions begin, and what it says.
_TRANSACTION, _WRITES, _SNAPSHOT = "stackhold_transaction", "writes", "snapshot"


class Database:
    """An opened database; `connect` is for single statements, `begin` for a transaction."""

    def __init__(self, engine: Engine, place: Path | MySQL, open_patient: "Callable[[], Database]") -> None:
        """Wrap an engine that `open_database` configured for a place."""
        self.engine = engine
        self.place = place
        self.open_patient = open_patient
        self.is_left_alone = False
        self._transactions = engine.execution_options(**{_TRANSACTION: _WRITES})

    @property
    def dialect(self) -> str:
        """Return `sqlite` or `mysql`."""
        return self.engine.dialect.name

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Yield a connection on which each statement commits by itself."""
        with translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Yield a connection inside a transaction that commits at the end and rolls back on any exception."""
        with translated(), self._transactions.begin() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Yield a connection that reads the database as it is now, whatever others write meanwhile; it must not write.

        It has a connection of its own, without a limit on how long a statement may take.
        """
        with closing(self.open_patient()) as patient, translated():
            engine = patient.engine.execution_options(**{_TRANSACTION: _SNAPSHOT})
            with engine.begin() as connection:
                yield connection

    def on_use(self, call: Callable[[], None]) -> None:
        """Call a function before each use of a connection, for a database that is left alone until it is needed.

        What the function raises passes up.
        """
        self.is_left_alone = True
        event.listen(self.engine, "checkout", lambda *_: call())

    def close(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()


def open_database(place: Path | MySQL, *, pool_size: int, patient: bool = False, wait_seconds: float = WAIT_SECONDS) -> Database:
    """Return the database at a file path or on a server, which is not asked anything yet.

    A patient one has no pool and no limit on how long a statement may take: for migrations. `open_patient` of a
    database opens another one of that kind at the same place. After `wait_seconds` for a free connection, or for another
    program's transaction on SQLite, the caller gets Unavailable.
    """
    if isinstance(place, MySQL):
        from common.db import mysql  # noqa: PLC0415 - a driver, which an installation on SQLite need not load

        engine = mysql.open_engine(place, pool_size=pool_size, patient=patient, wait_seconds=wait_seconds)
    else:
        engine = _sqlite_engine(place, pool_size, wait_seconds)
    event.listen(engine, "begin", _begin)
    return Database(engine, place, lambda: open_database(place, pool_size=1, patient=True))


def _begin(connection: Connection) -> None:
    kind = connection.get_execution_options().get(_TRANSACTION)
    for statement in _BEGINNINGS[connection.dialect.name].get(kind, ()):
        connection.exec_driver_sql(statement)


# Dialect → kind of transaction → the statements that begin it.
_BEGINNINGS: dict[str, dict[object, tuple[str, ...]]] = {
    "sqlite": {
        # IMMEDIATE: a transaction that first reads and then writes cannot wait for another writer, it fails at once.
        _WRITES: ("BEGIN IMMEDIATE",),
        # A transaction shows the database as it is when it first reads.
        _SNAPSHOT: ("BEGIN", "SELECT 1 FROM sqlite_schema LIMIT 1"),
    },
    "mysql": {
        _WRITES: ("BEGIN",),
        _SNAPSHOT: (
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
        ),
    },
}


def _sqlite_engine(path: Path, pool_size: int, wait_seconds: float) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": wait_seconds},
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=wait_seconds,
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "temp_store=MEMORY", "cache_size=-8192"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
    # MySQL's function of the same name, for the chain of the audit log.
    connection.create_function("sha2", 2, _sha2, deterministic=True)


def _sha2(text: str, bits: int) -> str:
    return hashlib.new(f"sha{bits}", text.encode()).hexdigest()


def ensure_private(path: Path) -> None:
    """Create the file with mode 0600 if absent, so that SQLite's side files get the same mode; raises StartUpError."""
    try:
        path.touch(mode=0o600, exist_ok=True)
    except OSError as error:
        raise StartUpError(f"cannot create the database file {path}: {error.strerror}") from error
