"""Sets passwords of users on MySQL servers that are not this server's own: what the rotation of database users needs."""

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Timer

from pymysql import err

from common.db.mysql import Connection

# Of the whole exchange, and how much of it the server may send: a few hundred bytes are usual.
SECONDS, LIMIT_BYTES = 10, 1 << 16


class PasswordNotSet(Exception):
    """The other server refused; the text says why, without a name or a password."""


@dataclass(frozen=True, slots=True)
class Administrator:
    """Who changes users on which server."""

    host: str
    port: int
    database: str
    username: str
    password: str = field(repr=False)


class _OverLimit(Exception):
    """The server answers with more than it may."""


class _LimitedConnection(Connection):
    """A connection that reads few bytes: the driver itself joins packets of 16 MiB, and reads any number of rows."""

    bytes_left = LIMIT_BYTES

    def _read_bytes(self, num_bytes: int) -> bytes:
        self.bytes_left -= num_bytes
        if self.bytes_left < 0:
            self._force_close()
            raise _OverLimit
        data: bytes = super()._read_bytes(num_bytes)
        return data


def set_password(
    sock: socket.socket, admin: Administrator, username: str, password: str, *, needs_tls: bool, seconds: float = SECONDS
) -> None:
    """Set a user's password over a connection that was opened to a checked address; raises PasswordNotSet.

    With `needs_tls` the server must have a certificate that is valid for its name. All of it ends within so many seconds,
    and the connection is closed.
    """
    deadline = time.monotonic() + seconds
    try:
        with _ending(sock, seconds):
            _alter_user(sock, admin, username, password, needs_tls=needs_tls)
    except Exception as error:  # noqa: BLE001 - the driver raises anything for a packet that is not as it expects
        reason = "no answer in time" if time.monotonic() >= deadline else _reason(error)
        raise PasswordNotSet(reason) from None
    finally:
        sock.close()


@contextmanager
def _ending(sock: socket.socket, seconds: float) -> Iterator[None]:
    """Shut a connection down after so many seconds: the limits of a socket begin anew with each byte."""
    # With TLS the driver takes the socket over, so the timer has a handle of its own.
    handle = sock.dup()

    def shut_down() -> None:
        with suppress(OSError):
            handle.shutdown(socket.SHUT_RDWR)

    timer = Timer(seconds, shut_down)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        handle.close()


def _alter_user(sock: socket.socket, admin: Administrator, username: str, password: str, *, needs_tls: bool) -> None:
    connection = _LimitedConnection(
        host=admin.host,
        port=admin.port,
        user=admin.username,
        password=admin.password,
        database=admin.database,
        read_timeout=SECONDS,
        write_timeout=SECONDS,
        # None stands for TLS if the server has it, with any certificate.
        ssl=ssl.create_default_context() if needs_tls else None,
        defer_connect=True,
    )
    connection.connect(sock)
    with connection, connection.cursor() as cursor:
        cursor.execute("ALTER USER %s@'%%' IDENTIFIED BY %s", (username, password))


def _reason(error: Exception) -> str:
    """Return what went wrong: the server's number for it, since its texts repeat statements."""
    # The driver wraps what goes wrong while it connects.
    error = getattr(error, "original_exception", error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({error.verify_message})"
    if isinstance(error, _OverLimit):
        return f"it answers with more than {LIMIT_BYTES:,} bytes"
    if not isinstance(error, err.Error | OSError):
        return "it does not answer as a MySQL server does"
    number = error.args[0] if isinstance(error, err.Error) and error.args and isinstance(error.args[0], int) else None
    if number in (1044, 1045, 1698):
        return f"it refuses the managing user ({number})"
    if number in (1227, 1142, 1396):
        return f"the managing user may not change this user, or it does not exist ({number})"
    return f"error {number}" if number is not None else type(error).__name__
