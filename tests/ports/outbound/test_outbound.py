"""Calls through the guard, against a server on loopback."""

import contextlib
import gzip
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NoReturn

import httpcore
import pytest

from common.core.errors import Unavailable
from common.ports.outbound import CallFailed, Outbound


class Peer(BaseHTTPRequestHandler):
    """Answers by the path: redirects, is slow, talks too much, or says what it got."""

    def do_GET(self) -> None:
        self.server.seen.append(self.path)  # type: ignore[attr-defined]
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "/other")
            self.end_headers()
            return
        if self.path.startswith("/packed"):
            encoding = self.path.rpartition("/")[2]
            body = gzip.compress(b"x" * (3 << 20) if self.path.startswith("/packed-huge") else b"text")
            self.send_response(200)
            self.send_header("Content-Encoding", encoding)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        if self.path == "/cookie":
            body = self.headers.get("Cookie", "").encode()
            self.send_response(200)
            self.send_header("Set-Cookie", "who=acme; Path=/")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        body = b"x" * (3 << 20) if self.path == "/huge" else self.headers.get("User-Agent", "").encode()
        if self.path.startswith("/slow"):
            time.sleep(1)
        if self.path.startswith(("/drip", "/head")):
            if self.path.startswith("/drip"):
                self.send_response(200)
                self.end_headers()
            else:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
            with contextlib.suppress(OSError):
                for _ in range(40):
                    self.wfile.write(b"x")
                    time.sleep(0.05)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def peer() -> Iterator[ThreadingHTTPServer]:
    """A server on a free port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Peer)
    server.seen = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    """Call that may go to loopback."""
    opened = Outbound("127.0.0.1")
    yield opened
    opened.close()


def at(peer: ThreadingHTTPServer, path: str) -> str:
    """Return an address of the peer."""
    return f"http://127.0.0.1:{peer.server_address[1]}{path}"


class TestCall:
    def test_returns_what_comes_back(self, peer: ThreadingHTTPServer, outbound: Outbound) -> None:
        """Status, headers and body, and nothing of a certificate without TLS."""
        reply = outbound.call("GET", at(peer, "/"))

        assert (200, b"stackhold", "9", None) == (reply.status, reply.body, reply.headers["content-length"], reply.certificate)

    def test_follows_no_redirect(self, peer: ThreadingHTTPServer, outbound: Outbound) -> None:
        """A redirect is an answer like any other: it could lead inside."""
        assert 302 == outbound.call("GET", at(peer, "/redirect")).status
        assert ["/redirect"] == peer.seen  # type: ignore[attr-defined]

    def test_reads_no_more_than_the_limit(self, peer: ThreadingHTTPServer, outbound: Outbound) -> None:
        """A body over the limit ends the call."""
        with pytest.raises(CallFailed, match="more than"):
            outbound.call("GET", at(peer, "/huge"))

    def test_inflates_one_layer_of_gzip(self, peer: ThreadingHTTPServer, outbound: Outbound) -> None:
        """A server that compresses though it was not asked to is understood, up to the limit."""
        assert b"text" == outbound.call("GET", at(peer, "/packed/gzip")).body
        with pytest.raises(CallFailed, match="more than"):
            outbound.call("GET", at(peer, "/packed-huge/gzip"))

    @pytest.mark.parametrize("encoding", ["gzip,gzip", "deflate", "br", "zstd"])
    def test_refuses_other_compression(self, peer: ThreadingHTTPServer, outbound: Outbound, encoding: str) -> None:
        """A small body could inflate to any size, layer by layer."""
        with pytest.raises(CallFailed, match="answers with a compressed body"):
            outbound.call("GET", at(peer, f"/packed/{encoding}"))

    @pytest.mark.parametrize("encoding", ["gzip", "gzip,gzip"])
    def test_leaves_out_a_compressed_body_that_may_be_cut_off(
        self, peer: ThreadingHTTPServer, outbound: Outbound, encoding: str
    ) -> None:
        """The status counts where the body is only shown."""
        reply = outbound.call("GET", at(peer, f"/packed-huge/{encoding}"), cuts_off=True)

        assert (200, b"") == (reply.status, reply.body)

    def test_stores_no_cookie(self, peer: ThreadingHTTPServer, outbound: Outbound) -> None:
        """A cookie of one call is not sent with the next one, which may be another organization's."""
        outbound.call("GET", at(peer, "/cookie"))

        assert b"" == outbound.call("GET", at(peer, "/cookie")).body

    def test_tells_that_an_address_is_not_public(self, peer: ThreadingHTTPServer, outbound: Outbound) -> None:
        """Loopback is called only because it is on the list."""
        assert not outbound.call("GET", at(peer, "/")).is_public

    @pytest.mark.parametrize("path", ["/slow", "/drip", "/head"])
    def test_gives_up_in_time(self, peer: ThreadingHTTPServer, path: str) -> None:
        """A peer that does not answer, or a little now and then, is let go; the error names the host and no query."""
        started = time.monotonic()
        with pytest.raises(CallFailed) as failed:
            Outbound("127.0.0.1", seconds=0.2).call("GET", at(peer, path) + "?code=hush")

        assert "127.0.0.1 cannot be reached: no answer in time" == str(failed.value)
        assert time.monotonic() - started < 0.6

    def test_has_one_deadline_for_name_and_addresses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Two of many addresses are tried, one of each family, within one deadline."""
        tried: list[str] = []

        def connect(_: object, host: str, _port: int, timeout: float, *_rest: object) -> NoReturn:
            tried.append(host)
            time.sleep(timeout)
            raise httpcore.ConnectTimeout

        addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1", "fd00::2"]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", (one, 80)) for one in addresses])
        monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
        started = time.monotonic()
        with pytest.raises(CallFailed, match="no answer in time"):
            Outbound("swallow.internal", seconds=0.4).call("GET", "http://swallow.internal/")

        assert ["10.0.0.1", "fd00::1"] == tried
        assert time.monotonic() - started < 0.8

    def test_does_not_wait_for_the_resolver(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Servers of names that do not answer hold no one: the call ends, and its place is free when the resolver is."""
        answered, asked = threading.Event(), threading.Event()

        def resolve(*_: object, **__: object) -> NoReturn:
            asked.set()
            answered.wait(10)
            raise OSError

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        outbound = Outbound("slow.internal", threads=1, seconds=0.1)
        with pytest.raises(CallFailed, match="no answer in time"):
            outbound.call("GET", "http://slow.internal/")
        assert asked.is_set()
        with pytest.raises(Unavailable):
            outbound.call("GET", "http://slow.internal/")
        answered.set()
        for thread in threading.enumerate():
            if thread.name == "outgoing call":
                thread.join(5)
        with pytest.raises(CallFailed, match="no such host"):
            outbound.call("GET", "http://slow.internal/")

    def test_opens_a_connection_in_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The resolver counts for connections of other protocols too."""
        answered = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(10) and [])
        started = time.monotonic()
        with pytest.raises(CallFailed, match="no answer in time"):
            Outbound("slow.internal").connect("slow.internal", 3306, 0.1)
        answered.set()

        assert time.monotonic() - started < 1

    def test_calls_no_private_address(self, peer: ThreadingHTTPServer) -> None:
        """Without the list nothing on this machine is called, by whatever name."""
        closed = Outbound("")
        for url in (
            at(peer, "/"),
            f"https://127.0.0.1:{peer.server_address[1]}/",
            f"https://localhost:{peer.server_address[1]}/",
        ):
            with pytest.raises(CallFailed):
                closed.call("GET", url)

        assert [] == peer.seen  # type: ignore[attr-defined]

    def test_says_when_nobody_listens(self, outbound: Outbound) -> None:
        """A refused connection is a failed call."""
        with pytest.raises(CallFailed, match="cannot be reached"):
            outbound.call("GET", "http://127.0.0.1:1/")

    def test_trusts_certificates_of_this_machine_alone(self, peer: ThreadingHTTPServer, outbound: Outbound) -> None:
        """A server that does not speak TLS is not called with it."""
        with pytest.raises(CallFailed):
            outbound.call("GET", at(peer, "/").replace("http:", "https:"))
