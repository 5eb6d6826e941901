"""Sets passwords of users on database servers that are not this server's own: what the rotation of database users needs.

`mysql_users.py` and `postgres_users.py` are the products.
"""

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Timer
from typing import Protocol

# Of the whole exchange, and how much of it the server may send: a few hundred bytes are usual.
SECONDS, LIMIT_BYTES = 10, 1 << 16


class PasswordNotSet(Exception):
    """The other server refused; the text says why, without a name or a password."""


class OverLimit(Exception):
    """The server answers with more than it may."""


@dataclass(frozen=True, slots=True)
class Administrator:
    """Who changes users on which server."""

    host: str
    port: int
    database: str
    username: str
    password: str = field(repr=False)


class Product(Protocol):
    """What speaks the protocol of a product; a module."""

    def alter_user(self, sock: socket.socket, admin: Administrator, username: str, password: str, *, needs_tls: bool) -> None:
        """Log in over an open connection and set the password of a user. It reads `LIMIT_BYTES` at most, and raises anything."""
        ...

    def reason(self, error: Exception) -> str:
        """Return what went wrong: the server's code for it, since its texts repeat statements."""
        ...


def set_password(
    product: Product,
    sock: socket.socket,
    admin: Administrator,
    username: str,
    password: str,
    *,
    needs_tls: bool,
    seconds: float = SECONDS,
) -> None:
    """Set a user's password over a connection that was opened to a checked address; raises PasswordNotSet.

    With `needs_tls` the server must have a certificate that is valid for its name. All of it ends within so many seconds,
    and the connection is closed.
    """
    deadline = time.monotonic() + seconds
    try:
        with _ending(sock, seconds):
            product.alter_user(sock, admin, username, password, needs_tls=needs_tls)
    except Exception as error:  # noqa: BLE001 - the driver raises anything for a packet that is not as it expects
        reason = "no answer in time" if time.monotonic() >= deadline else _reason(product, error)
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


def _reason(product: Product, error: Exception) -> str:
    # Drivers wrap what goes wrong while they connect.
    for cause in (error, getattr(error, "original_exception", None), error.__cause__, error.__context__):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not valid ({cause.verify_message})"
        if isinstance(cause, OverLimit):
            return f"it answers with more than {LIMIT_BYTES:,} bytes"
    return product.reason(error)
