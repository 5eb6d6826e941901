"""Sets passwords of users on MySQL servers that are not this server's own: what the rotation of database users needs."""

import socket
import ssl
from dataclasses import dataclass, field

from pymysql import err

from common.db.mysql import Connection

SECONDS = 10


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


def set_password(sock: socket.socket, admin: Administrator, username: str, password: str, *, needs_tls: bool) -> None:
    """Set a user's password over a connection that was opened to a checked address; raises PasswordNotSet.

    With `needs_tls` the server must have a certificate that is valid for its name. The connection is closed.
    """
    try:
        connection = Connection(
            host=admin.host,
            port=admin.port,
            user=admin.username,
            password=admin.password,
            database=admin.database,
            read_timeout=SECONDS,
            write_timeout=SECONDS,
            ssl=ssl.create_default_context() if needs_tls else None,
            defer_connect=True,
        )
        connection.connect(sock)
        with connection, connection.cursor() as cursor:
            cursor.execute("ALTER USER %s@'%%' IDENTIFIED BY %s", (username, password))
    except (err.Error, OSError, ValueError, RuntimeError) as error:
        raise PasswordNotSet(_reason(error)) from None
    finally:
        sock.close()


def _reason(error: Exception) -> str:
    """Return what went wrong: the server's number for it, since its texts repeat statements."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({error.verify_message})"
    number = error.args[0] if isinstance(error, err.Error) and error.args and isinstance(error.args[0], int) else None
    if number in (1044, 1045, 1698):
        return f"it refuses the managing user ({number})"
    if number in (1227, 1142, 1396):
        return f"the managing user may not change this user, or it does not exist ({number})"
    return f"error {number}" if number is not None else type(error).__name__
