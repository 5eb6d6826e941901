"""What clients may do with connections to a real server: how many, how slowly, and for how long."""

import contextlib
import json
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from common.config.settings import SETTINGS
from tests.server.server_process import Served

TOKEN = "pul-" + "0123456789" * 4
BOOTSTRAP = {"STACKHOLD_BOOTSTRAP_TOKEN": TOKEN, "STACKHOLD_BOOTSTRAP_ORG": "acme"}
HALF_A_HEAD = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: "
WHOLE = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
# A proxy that is not one of these clients, so that they are limited by address.
ELSEWHERE = {"STACKHOLD_TRUSTED_PROXIES": "192.0.2.1"}
SECOND_ADDRESS = pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is an address of this machine on Linux alone")


class Cramped(Served):
    """A server that may have 200 descriptors."""

    prefix = ("sh", "-c", 'ulimit -n 200 && exec "$@"', "sh")


def connected(served: Served, sent: bytes = b"", source: str = "127.0.0.1") -> socket.socket:
    """Return a connection on which something was sent."""
    address = urlsplit(served.url)
    connection = socket.create_connection((address.hostname or "", address.port or 0), timeout=20, source_address=(source, 0))
    connection.sendall(sent)
    return connection


def rest(connection: socket.socket) -> bytes:
    """Return what comes up to the end of a connection."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            found += part
    return found


def ask(connection: socket.socket, sent: bytes) -> bytes:
    """Return the status line of the answer to WHOLE on an open connection, after all of the answer came."""
    connection.sendall(sent)
    found = b""
    while not found.endswith(b'{"status":"ok"}') and (part := connection.recv(65536)):
        found += part
    return found.partition(b"\r\n")[0]


def status_of(served: Served, sent: bytes = WHOLE, source: str = "127.0.0.1") -> bytes:
    """Return the status of a request on a connection of its own, empty when there is no answer."""
    with contextlib.suppress(OSError), connected(served, sent, source) as connection:
        return connection.recv(65536)[9:12]
    return b""


def answers_again(served: Served) -> bool:
    """Wait until a new connection is answered, and return whether it was."""
    deadline = time.monotonic() + 15
    while status_of(served) != b"200":
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that waits a second for heads and two for further requests, and takes 20 connections of one address, 100 in all."""
    settings = {
        **BOOTSTRAP,
        **ELSEWHERE,
        "STACKHOLD_HEADER_TIMEOUT_SECONDS": "1",
        "STACKHOLD_KEEP_ALIVE_SECONDS": "2",
        "STACKHOLD_CONNECTIONS": "100",
        "STACKHOLD_CONNECTIONS_PER_ADDRESS": "20",
    }
    with Served(tmp_path_factory.mktemp("hasty"), **settings) as served:
        yield served


class TestHeads:
    def test_that_are_half_sent_do_not_shut_others_out(self, tmp_path: Path) -> None:
        """More half-sent heads than there are descriptors: the server refuses the last ones, and soon answers everyone again."""
        with Cramped(tmp_path, STACKHOLD_HEADER_TIMEOUT_SECONDS="3") as served, contextlib.ExitStack() as held:
            heads = [held.enter_context(connected(served, HALF_A_HEAD)) for _ in range(300)]
            refused = rest(heads[-1])
            is_open = answers_again(served)

            assert refused.startswith(b"HTTP/1.1 503 "), refused
            assert 503 == json.loads(refused.partition(b"\r\n\r\n")[2])["code"]
            assert is_open
            assert "connections are refused: 100 connections are open (STACKHOLD_CONNECTIONS)" in served.log
            assert "Too many open files" not in served.log
            assert b"HTTP/1.1 408 " == rest(heads[0])[:13]

    @pytest.mark.parametrize("before", [b"", WHOLE], ids=["first", "second"])
    def test_that_come_too_slowly_are_refused(self, hasty: Served, before: bytes) -> None:
        """A head that is not complete in time is 408, the first one on a connection and any other, however many bytes still come."""
        with connected(hasty) as connection:
            if before:
                assert b"HTTP/1.1 200 OK" == ask(connection, before)
            began = time.monotonic()
            connection.sendall(HALF_A_HEAD)
            connection.settimeout(0.2)
            found = b""
            while not found and time.monotonic() - began < 10:
                with contextlib.suppress(TimeoutError):
                    found = connection.recv(65536)
                with contextlib.suppress(OSError):
                    connection.sendall(b"x")

        assert found.startswith(b"HTTP/1.1 408 "), found
        assert 0.8 < time.monotonic() - began < 10

    @pytest.mark.parametrize("sent", [b"", b"\r\n", WHOLE + b"\r\n"], ids=["nothing", "empty line", "empty line after a request"])
    def test_that_never_begin_are_not_waited_for(self, hasty: Served, sent: bytes) -> None:
        """A connection on which no request begins is closed, also when empty lines come."""
        began = time.monotonic()
        with connected(hasty, sent) as connection:
            rest(connection)

        assert 0.8 < time.monotonic() - began < 10


class TestBodies:
    def test_that_go_on_after_their_refusal_are_cut_off(self, hasty: Served) -> None:
        """Anyone who goes on sending a body that was refused is let go, instead of holding a connection for ever."""
        head = b"POST /signin HTTP/1.1\r\nHost: a\r\nContent-Length: 900000000\r\n\r\n"
        with connected(hasty, head) as connection:
            found = connection.recv(65536)
            began = time.monotonic()
            connection.settimeout(0.1)
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                while time.monotonic() - began < 10:
                    with contextlib.suppress(TimeoutError):
                        if not (part := connection.recv(65536)):
                            break
                        found += part
                    connection.sendall(b"x")

        assert found.startswith(b"HTTP/1.1 413 ")
        assert time.monotonic() - began < 10

    @pytest.mark.parametrize("framing", [b"0\r\nX: ", b"0\r\n", b"2;"], ids=["field", "fields", "extension"])
    def test_with_endless_fields_behind_them_are_refused(self, hasty: Served, framing: bytes) -> None:
        """What follows a chunked body has a head's limit: without one, a stranger fills the memory and holds up the server."""
        head = b"POST /api/oauth/token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        with connected(hasty, head + framing) as connection:
            sent = 0
            part = (b"Y: z\r\n" if framing == b"0\r\n" else b"yyyyyy") * 10_000
            with contextlib.suppress(OSError):
                while sent < 32 << 20:
                    connection.sendall(part)
                    sent += len(part)
            assert 4 << 20 > sent
            assert rest(connection)[9:12] in (b"431", b"")
        assert b"200" == status_of(hasty)

    def test_take_no_fields_of_the_request_behind_them(self, hasty: Served) -> None:
        """A field that follows a body, which proxies do not look at, is not one of the request's own."""
        head = b"POST /api/nothing HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        field = b"Authorization: token " + TOKEN.encode() + b"\r\n"
        with connected(hasty, head + b"0\r\n" + field + b"\r\n") as connection:
            assert b"401" == rest(connection)[9:12]


class TestNumbers:
    @SECOND_ADDRESS
    def test_of_one_address_leave_room_for_others(self, hasty: Served) -> None:
        """One address has a limit of its own; others are answered while it is reached."""
        with contextlib.ExitStack() as held:
            several = [held.enter_context(connected(hasty, HALF_A_HEAD)) for _ in range(21)]
            last = rest(several[-1])
            other = status_of(hasty, source="127.0.0.2")
            unanswered = b"503" == status_of(hasty)

        assert last.startswith(b"HTTP/1.1 503 ")
        assert b"200" == other
        assert unanswered
        hasty.await_log(r"20 connections from 127\.0\.0\.1 are open \(STACKHOLD_CONNECTIONS_PER_ADDRESS\)")

    def test_of_requests_that_do_not_wait_for_answers(self, hasty: Served) -> None:
        """Thousands of requests in one go are refused instead of kept; a few are answered in order."""
        assert answers_again(hasty)
        with connected(hasty, WHOLE * 5_000) as connection:
            found = rest(connection)
        with connected(hasty, WHOLE * 4) as connection:
            few = rest(connection)

        assert b"HTTP/1.1 400 " in found
        assert found.count(b"HTTP/1.1 200 ") < 20
        assert 4 == few.count(b"HTTP/1.1 200 ")


class TestIdleConnections:
    def test_stay_open_longer_than_a_balancer_keeps_them(self) -> None:
        """By default an idle connection outlives the 60 seconds of the usual balancers, and the 90 of Go's client."""
        found = {setting.name: int(setting.default) for setting in SETTINGS if setting.name == "STACKHOLD_KEEP_ALIVE_SECONDS"}

        assert found["STACKHOLD_KEEP_ALIVE_SECONDS"] > 90

    def test_stay_open_for_as_long_as_is_set(self, hasty: Served) -> None:
        """An idle connection is good again before the time that is set, and closed after it."""
        with connected(hasty) as connection:
            assert b"HTTP/1.1 200 OK" == ask(connection, WHOLE)
            time.sleep(1.3)  # longer than a head may take
            assert b"HTTP/1.1 200 OK" == ask(connection, WHOLE)
            began = time.monotonic()
            rest(connection)

        assert 1.5 < time.monotonic() - began < 10

    def test_do_not_delay_the_end(self, tmp_path: Path) -> None:
        """SIGTERM: an import that is half sent is taken and answered, an idle connection and half a head are closed at once."""
        state = b'{"version":3,"deployment":{"manifest":{}}}'
        head = f"POST /api/stacks/acme/shop/dev/import HTTP/1.1\r\nHost: a\r\nAuthorization: token {TOKEN}\r\n"
        with Served(tmp_path, **BOOTSTRAP) as served:
            assert 200 == served.call("/api/stacks/acme/shop", token=TOKEN, body=b'{"stackName":"dev"}')[0]
            with connected(served) as idle, connected(served, HALF_A_HEAD) as half, connected(served) as sending:
                ask(idle, WHOLE)
                sending.sendall(head.encode() + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % len(state))
                assert sending.recv(1000).startswith(b"HTTP/1.1 100 ")
                sending.sendall(state[:20])
                began = time.monotonic()
                served.process.send_signal(signal.SIGTERM)
                assert b"" == rest(idle) + rest(half)
                sending.sendall(state[20:])
                reply = rest(sending)
                served.exit_code = served.process.wait(30)

        assert reply.startswith(b"HTTP/1.1 200 ")
        assert 0 == served.exit_code
        assert time.monotonic() - began < 15


class TestHost:
    @pytest.mark.parametrize(
        "head",
        [
            b"GET /api/status HTTP/1.0\r\n\r\n",
            b"GET /api/status HTTP/1.1\r\n\r\n",
            b"HEAD /api/status HTTP/1.0\r\n\r\n",
            b"GET /api/status HTTP/1.0\r\nHost: \r\n\r\n",
        ],
    )
    def test_is_not_needed_by_a_health_check(self, hasty: Served, head: bytes) -> None:
        """Balancers ask in old forms: HTTP/1.0, no host. The answer is 200."""
        assert b"200" == status_of(hasty, head)

    @pytest.mark.parametrize("hosts", [b"Host: a\r\nHost: b\r\n", b"Host: a\r\nhost: a\r\n", b"Host: a, b\r\n"])
    def test_is_one(self, hasty: Served, hosts: bytes) -> None:
        """A request with two hosts is refused: a proxy in front may have taken another than we."""
        with connected(hasty, b"GET /api/status HTTP/1.1\r\nConnection: close\r\n%s\r\n" % hosts) as connection:
            head, _, body = rest(connection).partition(b"\r\n\r\n")

        assert head.startswith(b"HTTP/1.1 400 ")
        assert {"code": 400, "message": "Bad Request: a request has one Host header"} == json.loads(body)
