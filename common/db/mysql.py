"""MySQL 8.0 and later: connections that are set up in a known way, and a pool that notices when they have died.

A request on a connection in use costs no trip beside its own statements: whether the server hung up is read off the socket,
and only a connection that lay idle for a while is asked.
"""

import logging
import select
import time
from collections.abc import Callable
from ssl import CERT_REQUIRED
from typing import Any

from pymysql import err
from pymysql.connections import Connection as DriverConnection
from pymysql.constants import CLIENT
from pymysql.constants.SERVER_STATUS import SERVER_STATUS_IN_TRANS
from sqlalchemy import URL, Engine, NullPool, create_engine, event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql
from sqlalchemy.exc import DisconnectionError, InvalidatePoolError

from common.db.address import MySQL
from common.db.faults import DEADLOCK, DENIED, PACKET, READ_ONLY, number
from common.db.retry import retry

LOG = logging.getLogger("stackhold.database")

CONNECT_SECONDS = 10
WAKE_PAUSE_SECONDS = 1
# What the driver says of a server that refuses connections, or that ends one during the greeting.
_NOT_THERE = {2003, 2013}
# No statement of a request takes so long; a server that vanished without a word must not hold a thread for ever.
ANSWER_SECONDS = 60
# An idle connection is asked for a sign of life after the first, and replaced unasked after the second: routers forget
# connections about then, and a forgotten one does not even fail, it hangs.
ASK_AFTER_SECONDS, REPLACE_AFTER_SECONDS = 30, 240
# The server closes what a frozen or vanished process left behind. Longer than any idle connection is used again.
SERVER_WAIT_SECONDS = 300
LOCK_WAIT_SECONDS, TABLE_LOCK_WAIT_SECONDS = 5, 30
_SESSION = (
    "SET SESSION transaction_isolation='READ-COMMITTED', "
    # Without strictness a text that is too long would be cut without a word.
    "sql_mode='STRICT_ALL_TABLES,ONLY_FULL_GROUP_BY,NO_ENGINE_SUBSTITUTION', "
    f"wait_timeout={SERVER_WAIT_SECONDS}, innodb_lock_wait_timeout={LOCK_WAIT_SECONDS}, "
    f"lock_wait_timeout={TABLE_LOCK_WAIT_SECONDS}"
)
# The server answers, and this connection is of no use any more: fresh ones may lead to another server. The numbers are those of
# https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html; what PyMySQL itself finds (2006, 2013, …), 1927 and
# 4031 are SQLAlchemy's business. READ_ONLY is among them: after a failover the address leads to another server.
_STOPPING = {
    1053,  # ER_SERVER_SHUTDOWN
    1077,  # ER_NORMAL_SHUTDOWN
    1079,  # ER_SHUTDOWN_COMPLETE
    1080,  # ER_FORCING_CLOSE
    3032,  # ER_SERVER_OFFLINE_MODE
    3168,  # ER_SERVER_ISNT_AVAILABLE
}
_BROKEN = {
    1152,  # ER_ABORTING_CONNECTION
    1156,  # ER_NET_PACKETS_OUT_OF_ORDER
    1157,  # ER_NET_UNCOMPRESS_ERROR
    1158,  # ER_NET_READ_ERROR
    1159,  # ER_NET_READ_INTERRUPTED
    1160,  # ER_NET_ERROR_ON_WRITE
    1161,  # ER_NET_WRITE_INTERRUPTED
    1184,  # ER_NEW_ABORTING_CONNECTION
}
_USELESS = READ_ONLY | _STOPPING | _BROKEN | {PACKET}


class OverPacketError(err.OperationalError):  # type: ignore[misc]
    """A statement is larger than the server takes; it was not sent, so the connection is as good as before."""


class Connection(DriverConnection):  # type: ignore[misc]
    """A connection that sends no password in the clear and no statement that the server would hang up on."""

    packet_limit_bytes = 0

    def query(self, sql: str | bytes, unbuffered: bool = False) -> Any:  # noqa: FBT001, FBT002, ANN401 - the driver's signature
        """Send a statement, unless it is too large: the server would close the connection instead of answering."""
        encoded = sql.encode(self.encoding, "surrogateescape") if isinstance(sql, str) else sql
        # One byte says that it is a statement.
        if self.packet_limit_bytes and len(encoded) + 1 > self.packet_limit_bytes:
            LOG.warning(
                "a statement of %d bytes is over the server's max_allowed_packet, %d", len(encoded), self.packet_limit_bytes
            )
            raise OverPacketError(PACKET, "statement over max_allowed_packet")
        return super().query(encoded, unbuffered)

    def _process_auth(self, plugin_name: bytes, auth_packet: object, handler: object = None) -> Any:  # noqa: ANN401 - as above
        # A server may ask for the password in clear text; only a server whose certificate was checked gets it.
        if plugin_name in (b"mysql_clear_password", b"dialog") and not self._is_verified():
            raise err.OperationalError(
                DENIED, "the server asks for the password in clear text, and the connection has no TLS with a checked certificate"
            )
        return super()._process_auth(plugin_name, auth_packet, handler)

    def _is_verified(self) -> bool:
        # The driver takes any certificate where TLS is not required, and calls that secure.
        is_checked = self.ssl and self._ssl_required and self.ctx.verify_mode == CERT_REQUIRED
        return bool(self._secure and (is_checked or self.unix_socket))


class Dialect(MySQLDialect_pymysql):
    """SQLAlchemy's dialect, without the trips that our way of using it makes needless."""

    supports_statement_cache = True

    def on_connect(self) -> Callable[[object], None]:
        """Return what does nothing: the driver has set the character set already."""
        return lambda _connection: None

    def do_commit(self, dbapi_connection: Any) -> None:  # noqa: ANN401 - the driver has no types
        """Send COMMIT inside a transaction only; after a single statement it would be a trip for nothing."""
        if _is_in_transaction(dbapi_connection):
            super().do_commit(dbapi_connection)  # type: ignore[no-untyped-call]

    def do_rollback(self, dbapi_connection: Any) -> None:  # noqa: ANN401
        """Send ROLLBACK inside a transaction only."""
        if _is_in_transaction(dbapi_connection):
            super().do_rollback(dbapi_connection)  # type: ignore[no-untyped-call]

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:  # noqa: ANN401
        """Execute a statement; one outside a transaction that lost a deadlock has done nothing and is sent again."""

        def execute() -> None:
            super(Dialect, self).do_execute(cursor, statement, parameters, context)  # type: ignore[no-untyped-call]

        def may_repeat(error: Exception) -> bool:
            is_deadlock = isinstance(error, err.OperationalError) and number(error) == DEADLOCK
            return is_deadlock and not _is_in_transaction(cursor.connection)

        retry(execute, when=may_repeat)

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:  # noqa: ANN401
        """Tell whether the connection is of no use after an error."""
        if isinstance(e, OverPacketError):
            return False
        if number(e) in _USELESS or not getattr(connection, "open", True):
            return True
        return super().is_disconnect(e, connection, cursor)


registry.register("mysql.stackhold", __name__, "Dialect")


def open_engine(place: MySQL, *, pool_size: int, patient: bool, wait_seconds: float) -> Engine:
    """Return an engine; nothing is connected yet. A patient one waits for its statements as long as they take."""
    url = URL.create("mysql+stackhold", place.user, None, place.host, place.port, place.database)
    connect = _connector(place, None if patient else ANSWER_SECONDS)
    if patient:
        engine = create_engine(url, creator=connect, poolclass=NullPool, hide_parameters=True)
    else:
        engine = create_engine(
            url,
            creator=connect,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=wait_seconds,
            # What comes back is in no transaction, so there is nothing to reset; `_returned` watches over it.
            pool_reset_on_return=None,
            hide_parameters=True,
        )
    event.listen(engine, "checkin", _returned)
    event.listen(engine, "checkout", _taken)
    return engine


def _connector(place: MySQL, answer_seconds: int | None) -> Callable[[], Connection]:
    def sign_in() -> Connection:
        password = place.token.current() if place.token else place.password
        try:
            return _connect(place, password, answer_seconds)
        except err.OperationalError as error:
            if place.token is None or number(error) != DENIED:
                raise
        # The token may have been made with credentials that were replaced since.
        place.token.forget()
        return _connect(place, place.token.current(), answer_seconds)

    def connect() -> Connection:
        """Wait for a server that pauses: it refuses connections, or takes them without a word, until it is back."""
        deadline = time.monotonic() + place.wake_seconds
        while True:
            try:
                return sign_in()
            except err.OperationalError as error:
                if number(error) not in _NOT_THERE or time.monotonic() + WAKE_PAUSE_SECONDS >= deadline:
                    raise
                LOG.info("the database is not back yet: %s", error.args[0])
                time.sleep(WAKE_PAUSE_SECONDS)

    return connect


def _connect(place: MySQL, password: str, answer_seconds: int | None) -> Connection:
    greeting_seconds = place.wake_seconds or answer_seconds
    connection = Connection(
        host=place.host,
        port=place.port,
        user=place.user,
        password=password.encode(),
        database=place.database or None,
        charset="utf8mb4",
        autocommit=True,
        connect_timeout=place.wake_seconds or CONNECT_SECONDS,
        read_timeout=greeting_seconds,
        write_timeout=answer_seconds,
        init_command=_SESSION,
        ssl=place.tls,
        ssl_disabled=place.tls is None,
        # An UPDATE counts the rows it found, not those it changed: our guards decide by that number.
        client_flag=CLIENT.FOUND_ROWS,
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@max_allowed_packet")
        (connection.packet_limit_bytes,) = cursor.fetchone()
    connection._read_timeout = answer_seconds  # noqa: SLF001 - the driver has one time for the greeting and all answers
    return connection


def _is_in_transaction(connection: Any) -> bool:  # noqa: ANN401 - the driver has no types
    return bool(connection.server_status & SERVER_STATUS_IN_TRANS)


def _returned(connection: Connection | None, record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's type is private
    if connection is None:  # It was lost in use.
        return
    # Wall-clock time: the monotonic clock stands still while a function's process is frozen.
    record.info["idle_since"] = time.time()
    if _is_in_transaction(connection):
        LOG.error("a connection was returned in the middle of a transaction and is discarded")
        record.invalidate()


def _taken(connection: Connection, record: Any, _proxy: object) -> None:  # noqa: ANN401 - as above
    idle_since = record.info.get("idle_since")
    if idle_since is None:  # It is new.
        return
    idle_seconds = abs(time.time() - idle_since)
    if idle_seconds > REPLACE_AFTER_SECONDS:
        raise DisconnectionError
    if idle_seconds > ASK_AFTER_SECONDS or _has_news(connection):
        try:
            connection.ping()
        except Exception as error:
            # Whatever ended this one has probably ended those beside it.
            raise InvalidatePoolError from error


def _has_news(connection: Connection) -> bool:
    """Tell whether unexpected data came: the server's closing packet, or the end of the connection."""
    if connection._sock is None or not hasattr(select, "poll"):  # noqa: SLF001 - the driver shows its socket in no other way
        return True
    poll = select.poll()
    poll.register(connection._sock, select.POLLIN)  # noqa: SLF001
    return bool(poll.poll(0))
