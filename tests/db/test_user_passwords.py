"""Setting passwords on servers that answer too much, too slowly or not as a database does."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from threading import Thread

import pytest

from common.db import mysql_users, postgres_users
from common.db.user_passwords import LIMIT_BYTES, Administrator, PasswordNotSet, Product, set_password

ADMIN = Administrator("db.example.com", 3306, "mysql", "root", "hunter2")
HUGE_PACKETS = b"\xff\xff\xff\x00" + b"x" * (1 << 16)
# A packet with the version of the protocol alone.
SHORT_GREETING = b"\x01\x00\x00\x00\x0a"
# The answer to the request for TLS, then a message: its kind, its size, and its content.
NO_TLS = b"N"
HUGE_MESSAGE = NO_TLS + b"R\x7f\xff\xff\xff"
NEGATIVE_MESSAGE = NO_TLS + b"R\xff\xff\xff\xff"
UNKNOWN_MESSAGE = NO_TLS + b"?\x00\x00\x00\x04"
TOO_MANY_HASHES = NO_TLS + b"R\x00\x00\x00\x2f\x00\x00\x00\x0br=x,s=" + b"A" * 12 + b",i=2147483647" + b" " * 8
MANY = f"more than {LIMIT_BYTES:,} bytes"
CASES = [
    (mysql_users, HUGE_PACKETS, MANY),
    (mysql_users, SHORT_GREETING, "does not answer as a MySQL server does"),
    (postgres_users, HUGE_MESSAGE, MANY),
    (postgres_users, NEGATIVE_MESSAGE, MANY),
    (postgres_users, UNKNOWN_MESSAGE, "does not answer as a PostgreSQL server does"),
    (postgres_users, TOO_MANY_HASHES, "has the password hashed more than"),
]


@pytest.fixture
def connect() -> Iterator[Callable[[bytes, float], socket.socket]]:
    """What returns a connection to a server that sends some bytes, each after a pause."""
    opened: list[tuple[Thread, socket.socket]] = []

    def opener(content: bytes, pause: float) -> socket.socket:
        near, far = socket.socketpair()

        def send() -> None:
            with contextlib.suppress(OSError):
                for start in range(0, len(content), 1 if pause else len(content)):
                    far.sendall(content[start : start + 1] if pause else content)
                    time.sleep(pause)

        thread = Thread(target=send)
        thread.start()
        opened.append((thread, far))
        return near

    yield opener
    for thread, far in opened:
        thread.join()
        far.close()


class TestSetPassword:
    @pytest.mark.parametrize(("product", "content", "reason"), CASES)
    def test_refuses_odd_servers(
        self, connect: Callable[[bytes, float], socket.socket], product: Product, content: bytes, reason: str
    ) -> None:
        """A server that sends more than an answer, or no greeting, is named by what it does."""
        sock = connect(content, 0)
        with pytest.raises(PasswordNotSet, match=reason):
            set_password(product, sock, ADMIN, "app", "new", needs_tls=False)
        assert sock.fileno() == -1

    @pytest.mark.parametrize(
        ("product", "content"),
        [(mysql_users, b"\x40\x00\x00\x00" + b"x" * 36), (postgres_users, NO_TLS + b"S\x00\x00\x00\x44" + b"x" * 36)],
    )
    def test_ends_in_time(self, connect: Callable[[bytes, float], socket.socket], product: Product, content: bytes) -> None:
        """A server that sends a byte now and then does not lengthen the exchange."""
        sock, began = connect(content, 0.05), time.monotonic()
        with pytest.raises(PasswordNotSet, match="no answer in time"):
            set_password(product, sock, ADMIN, "app", "new", needs_tls=False, seconds=0.3)
        assert time.monotonic() - began < 1.5

    def test_needs_tls_on_servers_that_are_not_listed(self, connect: Callable[[bytes, float], socket.socket]) -> None:
        """A server of PostgreSQL that does not take TLS gets no password."""
        with pytest.raises(PasswordNotSet, match="does not take TLS"):
            set_password(postgres_users, connect(NO_TLS, 0), ADMIN, "app", "new", needs_tls=True)
