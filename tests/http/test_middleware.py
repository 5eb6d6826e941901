import gzip
import logging
import os
from collections.abc import Callable
from typing import Any

import pytest
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.core.compression import pack
from common.telemetry.logs import TextLine
from functions.http.middleware import COMPRESS_FROM_BYTES, THREAD_FROM_BYTES, Edge
from functions.server.loopback import Nearby
from tests.wire import create_stack

pytestmark = pytest.mark.dialects("sqlite")
S = "/api/stacks/acme/shop/dev"


def replying(
    body: bytes,
    *,
    encoding: bytes = b"",
    status: int = 200,
    layer: Callable[[ASGIApp], ASGIApp] = lambda app: app,
    host: str = "192.0.2.1",
) -> TestClient:
    """Return a client of an application that always gives the same reply."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        headers += [(b"content-encoding", encoding)] if encoding else []
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return TestClient(layer(Edge(app)), client=(host, 50_000))


def raw(client: TestClient, accept: str) -> tuple[bytes, Any]:
    """Return the body as it came over the wire, and the headers."""
    with client.stream("GET", "/", headers={"Accept-Encoding": accept}) as reply:
        return b"".join(reply.iter_raw()), reply.headers


class TestCompression:
    LONG = b"x" * COMPRESS_FROM_BYTES

    @pytest.mark.parametrize(
        ("accept", "packed"),
        [
            ("gzip", True),
            ("x-gzip", True),
            ("*", True),
            ("br, gzip;q=0.5", True),
            ("GZIP", True),
            ("gzip; q=1", True),
            ("gzip;q=0", False),
            ("gzip; q=0.0", False),
            ("br", False),
            ("identity", False),
            ("", False),
            ("gzipped", False),
        ],
    )
    def test_is_for_those_who_ask(self, accept: str, packed: bool) -> None:
        """A long reply is gzip for a client that takes it, and never in another encoding."""
        body, headers = raw(replying(self.LONG), accept)

        assert self.LONG == (gzip.decompress(body) if packed else body)
        assert ("gzip" if packed else None) == headers.get("content-encoding")
        assert str(len(body)) == headers["content-length"]

    @pytest.mark.parametrize("size", [0, 1, COMPRESS_FROM_BYTES - 1])
    def test_is_not_for_short_ones(self, size: int) -> None:
        """What is short is sent as it is."""
        body, headers = raw(replying(b"x" * size), "gzip")

        assert (size, None) == (len(body), headers.get("content-encoding"))

    @pytest.mark.parametrize("size", [THREAD_FROM_BYTES - 1, THREAD_FROM_BYTES, 3 << 20])
    def test_is_of_any_size(self, size: int) -> None:
        """Long replies are compressed beside the loop, with the same result."""
        assert b"x" * size == gzip.decompress(raw(replying(b"x" * size), "gzip")[0])

    def test_passes_on_what_is_packed(self) -> None:
        """Stored bytes go out as they are, or inflated to a client that takes no gzip; never twice packed."""
        stored = pack(b"state")
        asked, headers = raw(replying(stored, encoding=b"gzip"), "gzip")
        plain, others = raw(replying(stored, encoding=b"gzip"), "br")

        assert (stored, "gzip") == (asked, headers["content-encoding"])
        assert (b"state", None) == (plain, others.get("content-encoding"))

    def test_is_said_to_caches(self) -> None:
        """A reply that depends on what the client takes says so."""
        assert "Accept-Encoding" == raw(replying(self.LONG), "gzip")[1]["vary"]


class TestPath:
    @pytest.mark.parametrize("path", ["//api/user", "/api//user", "/api/user/", "///api///user//", "/api/user?x=//"])
    def test_has_one_spelling(self, client: TestClient, path: str) -> None:
        """Doubled and trailing slashes are the same address, without a redirect that would turn a POST into a GET."""
        found = client.get(f"http://testserver{path}", follow_redirects=False)

        assert (200, "admin") == (found.status_code, found.json()["githubLogin"])

    def test_keeps_a_posts_body(self, client: TestClient) -> None:
        """A POST to a doubled slash is that POST."""
        create_stack(client)

        assert 200 == client.post(f"{S}//encrypt", json={"plaintext": ""}, follow_redirects=False).status_code


class TestRequestId:
    @pytest.mark.parametrize(
        ("path", "status"), [("/api/user/nothing", 404), ("/api/stacks/acme/shop/none", 404), ("/scim/v2/acme/Users", 401)]
    )
    def test_is_in_every_refusal(self, client: TestClient, path: str, status: int) -> None:
        """Every refusal names its request, and what succeeds need not."""
        refused = client.get(path)

        assert (status, 36) == (refused.status_code, len(refused.headers["X-Pulumi-Request-ID"]))
        assert "X-Pulumi-Request-ID" not in client.get("/api/user").headers

    def test_is_in_every_line_of_the_log(self, client: TestClient) -> None:
        """A line that a request causes has the id of its reply, also where a thread writes it."""
        seen = []

        class Lines(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                seen.append(TextLine().format(record))

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await run_in_threadpool(logging.getLogger("stackhold.test").warning, "from a thread")
            await Response("no", 400)(scope, receive, send)

        handler = Lines()
        logging.getLogger("stackhold").addHandler(handler)
        refused = TestClient(Edge(app)).get("/x")
        logging.getLogger("stackhold").removeHandler(handler)

        assert [f"request_id={refused.headers['X-Pulumi-Request-ID']}"] == [line.split()[-1] for line in seen]


class TestLastNet:
    def test_catches_what_escapes(self, caplog: pytest.LogCaptureFixture) -> None:
        """Whatever an application raises becomes a 500 in the wire's shape, and is in the log."""

        async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
            raise RuntimeError("hunter2")

        found = TestClient(Edge(app), raise_server_exceptions=False).get("/x")

        assert (500, 500) == (found.status_code, found.json()["code"])
        assert "hunter2" not in found.text
        assert found.headers["X-Pulumi-Request-ID"] in caplog.text

    def test_leaves_a_started_reply_alone(self) -> None:
        """A reply that has begun cannot become another one."""

        async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"part"})
            raise RuntimeError

        found = TestClient(Edge(app), raise_server_exceptions=False).get("/")

        assert (200, b"part") == (found.status_code, found.content)

    def test_passes_other_protocols_on(self) -> None:
        """What is no HTTP request goes through untouched."""
        seen: list[str] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            seen.append(scope["type"])
            while True:
                message: Message = await receive()
                await send({"type": f"{message['type']}.complete"})
                if message["type"] == "lifespan.shutdown":
                    return

        with TestClient(Edge(app)):
            pass

        assert ["lifespan"] == seen


class TestNearby:
    """What is different for a client on the server's own machine."""

    PLAIN = os.urandom(THREAD_FROM_BYTES).hex().encode()
    WORTH = b"lorem ipsum " * THREAD_FROM_BYTES

    @pytest.mark.parametrize(
        ("host", "headers", "body", "packed"),
        [
            ("127.0.0.1", {}, PLAIN, False),
            ("::1", {}, PLAIN, False),
            ("192.0.2.7", {}, PLAIN, True),
            ("127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}, PLAIN, True),
            ("127.0.0.1", {"Forwarded": "for=192.0.2.7"}, PLAIN, True),
            ("127.0.0.1", {"Via": "1.1 proxy"}, PLAIN, True),
            ("127.0.0.1", {}, WORTH, True),
            ("127.0.0.1", {}, PLAIN[: THREAD_FROM_BYTES - 1], True),
        ],
        ids=["near", "near-v6", "far", "forwarded", "forwarded-standard", "via", "shrinks-well", "short"],
    )
    @pytest.mark.parametrize("is_stored", [True, False])
    def test_a_long_reply_that_shrinks_little_is_plain(
        self, host: str, headers: dict[str, str], body: bytes, packed: bool, is_stored: bool
    ) -> None:
        """Inflating takes such a client longer than receiving; anyone who is asked for through a proxy may be far away."""
        stored = pack(body) if is_stored else body
        client = replying(stored, encoding=b"gzip" if is_stored else b"", layer=Nearby, host=host)
        with client.stream("GET", "/", headers={"Accept-Encoding": "gzip", **headers}) as reply:
            got = b"".join(reply.iter_raw())

        assert ("gzip" if packed else None) == reply.headers.get("content-encoding")
        assert body == (gzip.decompress(got) if packed else got)
        assert reply.headers.get("content-length") == (None if is_stored and not packed else str(len(got)))

    def test_a_stored_reply_is_inflated_as_it_is_sent(self) -> None:
        """A large state is never there as a whole, and its length is not known before its end."""
        text = os.urandom(3 << 20).hex().encode()
        with replying(pack(text), encoding=b"gzip", layer=Nearby, host="::1").stream("GET", "/") as reply:
            parts = list(reply.iter_raw())

        assert text == b"".join(parts)
        assert max(map(len, parts)) <= 1 << 20
        assert "content-length" not in reply.headers

    def test_without_gzip_is_inflated_likewise(self) -> None:
        """A neighbour that takes no gzip gets whatever is stored plain."""
        client = replying(pack(self.WORTH), encoding=b"gzip", layer=Nearby, host="::1")

        assert self.WORTH == raw(client, "identity")[0]

    def test_is_for_the_long_running_server_alone(self) -> None:
        """A function never has neighbours, whatever address its platform tells."""
        client = replying(self.PLAIN, host="127.0.0.1")

        assert "gzip" == raw(client, "gzip")[1]["content-encoding"]
