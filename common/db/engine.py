"""Opens the database and hands out connections: one statement in autocommit, or one transaction.

SQLite (a file in the data folder) and MySQL 8 are the two dialects. Both are driven in the driver's autocommit mode;
`begin` sends BEGIN itself, so that a use case of one statement costs one trip and no COMMIT.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from common.errors import StartUpError, Unavailable

BUSY_TIMEOUT_SECONDS = 30
_WRITES = "stackhold_transaction"


@dataclass(frozen=True, slots=True)
class MySQL:
    """Where a MySQL server is and who we are to it."""

    host: str
    port: int
    database: str
    user: str
    password: str
    tls: SSLContext | None = None

    def __repr__(self) -> str:
        """Leave the password out."""
        return f"MySQL({self.user}@{self.host}:{self.port}/{self.database})"


class Database:
    """An opened database; `connect` is for single statements, `begin` for a transaction."""

    def __init__(self, engine: Engine) -> None:
        """Wrap an engine that `open_database` configured."""
        self.engine = engine
        self._transactions = engine.execution_options(**{_WRITES: True})

    @property
    def dialect(self) -> str:
        """Return `sqlite` or `mysql`."""
        return self.engine.dialect.name

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Yield a connection on which each statement commits by itself."""
        with _translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Yield a connection inside a transaction that commits at the end and rolls back on any exception."""
        with _translated(), self._transactions.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()


def open_database(place: Path | MySQL, *, pool_size: int) -> Database:
    """Return the database at a file path or on a server; raises StartUpError when it cannot be opened."""
    engine = _mysql_engine(place, pool_size) if isinstance(place, MySQL) else _sqlite_engine(place, pool_size)
    event.listen(engine, "begin", _begin)
    return Database(engine)


def is_duplicate(error: BaseException) -> bool:
    """Tell whether a statement failed because a unique index has the row already."""
    return isinstance(error, IntegrityError)


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get(_WRITES):
        # IMMEDIATE: a SQLite transaction that first reads and then writes cannot wait for another writer, it fails at once.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.dialect.name == "sqlite" else "BEGIN")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        msg = "the database does not answer or is overloaded; try again"
        raise Unavailable(msg) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            msg = "the connection to the database was lost; try again"
            raise Unavailable(msg) from error
        raise


def _sqlite_engine(path: Path, pool_size: int) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": BUSY_TIMEOUT_SECONDS},
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=BUSY_TIMEOUT_SECONDS,
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "temp_store=MEMORY", "cache_size=-8192"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _mysql_engine(place: MySQL, pool_size: int) -> Engine:
    engine = create_engine(
        URL.create("mysql+pymysql", place.user, place.password, place.host, place.port, place.database, {"charset": "utf8mb4"}),
        connect_args={
            "autocommit": True,
            "init_command": "SET SESSION transaction_isolation='READ-COMMITTED'",
            "connect_timeout": 10,
            "ssl": place.tls,
        },
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=BUSY_TIMEOUT_SECONDS,
        pool_pre_ping=False,
        pool_recycle=240,
        pool_reset_on_return=None,
        hide_parameters=True,
    )
    _skip_empty_ends(engine)
    return engine


def _skip_empty_ends(engine: Engine) -> None:
    """Send COMMIT and ROLLBACK only inside a transaction: for a single statement they would be two trips for nothing."""
    from pymysql.constants.SERVER_STATUS import SERVER_STATUS_IN_TRANS  # noqa: PLC0415 - a driver's package, loaded on use

    dialect = engine.dialect
    commit, rollback = dialect.do_commit, dialect.do_rollback

    def is_open(connection: object) -> bool:
        return bool(getattr(connection, "server_status", 0) & SERVER_STATUS_IN_TRANS)

    dialect.do_commit = lambda connection: commit(connection) if is_open(connection) else None  # type: ignore[method-assign, assignment]
    dialect.do_rollback = lambda connection: rollback(connection) if is_open(connection) else None  # type: ignore[method-assign, assignment]


def ensure_private(path: Path) -> None:
    """Create the file with mode 0600 if absent, so that SQLite's side files get the same mode; raises StartUpError."""
    try:
        path.touch(mode=0o600, exist_ok=True)
    except OSError as error:
        msg = f"cannot create the database file {path}: {error.strerror}"
        raise StartUpError(msg) from error
