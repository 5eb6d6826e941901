"""Sets passwords of users of other MySQL servers."""

import socket
import ssl

from pymysql import err

from common.db.mysql import Connection
from common.db.user_passwords import LIMIT_BYTES, SECONDS, Administrator, OverLimit


class _LimitedConnection(Connection):
    """A connection that reads few bytes: the driver itself joins packets of 16 MiB, and reads any number of rows."""

    bytes_left = LIMIT_BYTES

    def _read_bytes(self, num_bytes: int) -> bytes:
        self.bytes_left -= num_bytes
        if self.bytes_left < 0:
            self._force_close()
            raise OverLimit
        data: bytes = super()._read_bytes(num_bytes)
        return data


def alter_user(sock: socket.socket, admin: Administrator, username: str, password: str, *, needs_tls: bool) -> None:
    """Log in over an open connection and set the password of a user; raises what the driver raises."""
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


def reason(error: Exception) -> str:
    """Return what went wrong: the server's number for it, since its texts repeat statements."""
    error = getattr(error, "original_exception", error)
    if not isinstance(error, err.Error | OSError):
        return "it does not answer as a MySQL server does"
    number = error.args[0] if isinstance(error, err.Error) and error.args and isinstance(error.args[0], int) else None
    if number in (1044, 1045, 1698):
        return f"it refuses the managing user ({number})"
    if number in (1227, 1142, 1396):
        return f"the managing user may not change this user, or it does not exist ({number})"
    return f"error {number}" if number is not None else type(error).__name__
