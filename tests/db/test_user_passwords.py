"""Setting passwords on servers that answer too much, too slowly or not as a MySQL server does."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from threading import Thread

import pytest

from common.db.user_passwords import LIMIT_BYTES, Administrator, PasswordNotSet, set_password

ADMIN = Administrator("db.example.com", 3306, "mysql", "root", "hunter2")
HUGE_PACKETS = b"\xff\xff\xff\x00" + b"x" * (1 << 16)
# A packet with the version of the protocol alone.
SHORT_GREETING = b"\x01\x00\x00\x00\x0a"


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
    @pytest.mark.parametrize(
        ("content", "reason"),
        [(HUGE_PACKETS, f"more than {LIMIT_BYTES:,} bytes"), (SHORT_GREETING, "does not answer as a MySQL server does")],
    )
    def test_refuses_odd_servers(self, connect: Callable[[bytes, float], socket.socket], content: bytes, reason: str) -> None:
        """A server that sends more than an answer, or no greeting, is named by what it does."""
        sock = connect(content, 0)
        with pytest.raises(PasswordNotSet, match=reason):
            set_password(sock, ADMIN, "app", "new", needs_tls=False)
        assert sock.fileno() == -1

    def test_ends_in_time(self, connect: Callable[[bytes, float], socket.socket]) -> None:
        """A server that sends a byte now and then does not lengthen the exchange."""
        sock, began = connect(b"\x40\x00\x00\x00" + b"x" * 36, 0.05), time.monotonic()
        with pytest.raises(PasswordNotSet, match="no answer in time"):
            set_password(sock, ADMIN, "app", "new", needs_tls=False, seconds=0.3)
        assert time.monotonic() - began < 1.5
