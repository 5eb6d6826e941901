"""Asks the database for a sign of life, and a MySQL server whether it does what our statements rely on."""

import logging
import time
from typing import Any

from sqlalchemy import Connection, Row, column, func, select, table, text, update

from common.core.errors import StartUpError
from common.db.engine import Database
from common.db.tables.metadata import METADATA

LOG = logging.getLogger("stackhold.database")

# A stack's whole configuration is one row, and the driver sends bytes as twice as many digits.
WANTED_PACKET_BYTES = 16 << 20
_CHARACTERS, _COLLATION = "utf8mb4", "utf8mb4_0900_bin"
_OLDEST = (8, 0)
_SESSION = text(
    "SELECT VERSION() AS version, @@character_set_client AS client, @@character_set_connection AS connection,"
    " @@character_set_results AS results,"
    " @@transaction_isolation AS isolation, @@sql_mode AS mode, @@max_allowed_packet AS packet"
)
_TABLES = table("tables", column("table_schema"), column("table_name"), column("table_collation"), schema="information_schema")
_SIZES = table("tables", column("table_schema"), column("data_length"), column("index_length"), schema="information_schema")
_REVISION = table("alembic_version", column("version_num"))


def ping(db: Database) -> None:
    """Return when the database answers a statement; raises Unavailable."""
    with db.connect() as connection:
        connection.execute(select(text("1")))


def require_fit(db: Database) -> None:
    """Raise StartUpError when a migrated MySQL database would misunderstand us; SQLite never does. Warns of small limits."""
    if db.dialect == "sqlite":
        return
    with db.connect() as connection:
        session = connection.execute(_SESSION).one()
        _require_session(session)
        _require_tables(connection)
        # This row is always there, and writing what it holds already changes nothing: rows that are found must count.
        if connection.execute(update(_REVISION).values(version_num=_REVISION.c.version_num)).rowcount != 1:
            raise StartUpError(
                "row count mode: MySQL, or a proxy in front of it, counts the rows that an UPDATE changed, not those it matched,"
                " so valid leases would look expired; connect without the proxy that drops the client's FOUND_ROWS flag"
            )
    if warning := _advice(session.packet):
        LOG.warning("%s", warning)


def advice(db: Database) -> str:
    """Return what an operator should change about the server, or an empty text."""
    if db.dialect == "sqlite":
        return ""
    with db.connect() as connection:
        return _advice(connection.execute(_SESSION).one().packet)


def clock_skew_seconds(db: Database) -> float:
    """Return how far this machine's clock is ahead of the database server's; SQLite has no other clock."""
    if db.dialect == "sqlite":
        return 0.0
    with db.connect() as connection:
        before = time.time()
        theirs = float(connection.execute(text("SELECT UNIX_TIMESTAMP(NOW(6))")).scalar_one())
        # The statement took place somewhere between the two readings of our clock.
        return (before + time.time()) / 2 - theirs


def measure_bytes(db: Database) -> int:
    """Return how many bytes the database takes; MySQL's own estimate."""
    if db.dialect == "sqlite":
        size = text("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
        with db.connect() as connection:
            return int(connection.execute(size).scalar_one())
    query = select(func.sum(_SIZES.c.data_length + _SIZES.c.index_length)).where(_SIZES.c.table_schema == text("DATABASE()"))
    with db.connect() as connection:
        return int(connection.scalar(query) or 0)


def _advice(packet_bytes: int) -> str:
    if packet_bytes >= WANTED_PACKET_BYTES:
        return ""
    return (
        f"MySQL's max_allowed_packet is {packet_bytes:,} bytes: larger requests than about that are refused."
        f" Set it to {WANTED_PACKET_BYTES:,} or more"
    )


def _require_session(session: Row[*tuple[Any, ...]]) -> None:
    major, minor = (int(part) for part in session.version.split(".")[:2])
    if "MariaDB" in session.version or (major, minor) < _OLDEST:
        raise StartUpError(
            f"the database server is version {session.version}; MySQL {_OLDEST[0]}.{_OLDEST[1]} or later is needed: upgrade it,"
            " or let PULUMI_DATABASE_ENDPOINT name another server"
        )
    if {session.client, session.connection, session.results} != {_CHARACTERS}:
        raise StartUpError(
            f"the MySQL session uses {session.client}/{session.results} instead of {_CHARACTERS}: some texts would be lost;"
            " remove init_connect and skip-character-set-client-handshake from the server, or the proxy in front of it"
        )
    if session.isolation != "READ-COMMITTED" or "STRICT" not in session.mode:
        mode = "has" if "STRICT" in session.mode else "lacks"
        raise StartUpError(
            "MySQL, or a proxy in front of it, ignores the transaction isolation and SQL mode that a session sets: the isolation"
            f" is {session.isolation}, and the mode {mode} STRICT; connect without the proxy"
        )


def _require_tables(connection: Connection) -> None:
    others = connection.scalars(
        select(_TABLES.c.table_name)
        .where(
            _TABLES.c.table_schema == text("DATABASE()"),
            _TABLES.c.table_name.in_(list(METADATA.tables)),
            _TABLES.c.table_collation != _COLLATION,
        )
        .order_by(_TABLES.c.table_name),
    ).all()
    if others:
        raise StartUpError(
            f"tables {', '.join(others)} are not in {_COLLATION}: different names would count as equal; for each, run"
            f" `ALTER TABLE <name> CONVERT TO CHARACTER SET {_CHARACTERS} COLLATE {_COLLATION}`"
        )
