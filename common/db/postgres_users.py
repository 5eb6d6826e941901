"""Sets passwords of users of PostgreSQL servers. Loaded where one is rotated: its driver is in the extra `postgres`."""

import re
import socket
import ssl
from base64 import b64encode
from typing import Any, BinaryIO

from pg8000.converters import identifier, literal
from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError
from scramp import ScramMechanism

from common.db.user_passwords import LIMIT_BYTES, SECONDS, Administrator, OverLimit

# Its request for TLS, which is answered with one byte (PostgreSQL, 55.2.10).
_TLS_REQUEST, _HAS_TLS = bytes([0, 0, 0, 8, 4, 210, 22, 47]), b"S"
_SASL_CONTINUE = bytes([0, 0, 0, 11])
# A server chooses how often the password is hashed. It is 4,096 times unless someone has changed it.
_ITERATIONS_LIMIT = 1_000_000
_LOG_IN_REFUSED = ("28000", "28P01")
_NOT_ALLOWED = ("42501", "42704")


class _Refused(Exception):
    """The server is not one to log in to; the text says why."""


class _LimitedFile:
    """What the driver reads from and writes to. It reads few bytes: the driver itself takes messages of 2 GiB."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._bytes_left = LIMIT_BYTES
        self.write, self.flush = file.write, file.flush

    def read(self, size: int) -> bytes:
        self._bytes_left -= size
        # A size below zero stands for all there is.
        if size < 0 or self._bytes_left < 0:
            raise OverLimit
        return self._file.read(size)


class _LimitedSocket:
    """A connection whose driver reads few bytes."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.close = sock.close

    def makefile(self, mode: str) -> _LimitedFile:
        return _LimitedFile(self._sock.makefile(mode))  # type: ignore[call-overload]


class _Connection(CoreConnection):  # type: ignore[misc]
    """A connection that hashes a password only as often as can be done in time."""

    def handle_AUTHENTICATION_REQUEST(self, data: bytes, context: Any) -> None:  # noqa: N802, ANN401 - the driver's
        iterations = re.search(rb"(?:^|,)i=(\d+)", data[4:]) if data.startswith(_SASL_CONTINUE) else None
        if iterations and int(iterations[1][:20]) > _ITERATIONS_LIMIT:
            raise _Refused(f"it has the password hashed more than {_ITERATIONS_LIMIT:,} times")
        super().handle_AUTHENTICATION_REQUEST(data, context)


def alter_user(sock: socket.socket, admin: Administrator, username: str, password: str, *, needs_tls: bool) -> None:
    """Log in over an open connection and set the password of a user; raises what the driver raises.

    The statement has a verifier in place of the password, which would otherwise be in the server's log.
    """
    sock.settimeout(SECONDS)
    with _secured(sock, admin.host, needs_tls=needs_tls) as secured:
        connection = _Connection(
            admin.username, database=admin.database, password=admin.password, ssl_context=False, sock=_LimitedSocket(secured)
        )
        connection.execute_simple(f"ALTER ROLE {identifier(username)} PASSWORD {literal(_verifier(password))}")
        connection.close()


def reason(error: Exception) -> str:
    """Return what went wrong: the server's code for it, since its texts repeat statements."""
    # The driver says good-bye where it fails, and that may fail too.
    for cause in (error, error.__cause__, error.__context__):
        if isinstance(cause, DatabaseError):
            return _refusal(cause)
        if isinstance(cause, _Refused):
            return str(cause)
    if isinstance(error, OSError):
        return type(error).__name__
    return "it does not answer as a PostgreSQL server does"


def _refusal(error: DatabaseError) -> str:
    fields = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    code = str(fields.get("C", ""))[:5]
    if code in _LOG_IN_REFUSED:
        return f"it refuses the managing user ({code})"
    if code in _NOT_ALLOWED:
        return f"the managing user may not change this user, or it does not exist ({code})"
    return f"error {code}" if code.isalnum() and code.isascii() else "it refuses the statement"


def _secured(sock: socket.socket, host: str, *, needs_tls: bool) -> socket.socket:
    """Return the connection with TLS. Without `needs_tls` it has TLS if the server takes it, with any certificate."""
    context = ssl.create_default_context()
    if not needs_tls:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    sock.sendall(_TLS_REQUEST)
    if sock.recv(1) == _HAS_TLS:
        return context.wrap_socket(sock, server_hostname=host)
    if needs_tls:
        raise _Refused("it does not take TLS")
    return sock


def _verifier(password: str) -> str:
    """Return what the server keeps of a password (RFC 5803)."""
    salt, stored_key, server_key, iterations = ScramMechanism("SCRAM-SHA-256").make_auth_info(password)
    salt, stored_key, server_key = (b64encode(part).decode() for part in (salt, stored_key, server_key))
    return f"SCRAM-SHA-256${iterations}:{salt}${stored_key}:{server_key}"
