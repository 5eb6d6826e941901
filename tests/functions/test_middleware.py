import gzip
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from common.compression import pack
from functions.middleware import COMPRESS_FROM_BYTES, THREAD_FROM_BYTES, Edge
from tests.wire import create_stack

pytestmark = pytest.mark.dialects("sqlite")
S = "/api/stacks/acme/shop/dev"


def replying(body: bytes, *, encoding: bytes = b"", status: int = 200) -> TestClient:
    """Returns a client of an application that always gives the same reply."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        headers += [(b"content-encoding", encoding)] if encoding else []
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return TestClient(Edge(app))


def raw(client: TestClient, accept: str) -> tuple[bytes, Any]:
    """Returns the body as it came over the wire, and the headers."""
    with client.stream("GET", "/", headers={"Accept-Encoding": accept}) as reply:
        return b"".join(reply.iter_raw()), reply.headers


class TestCompression:
    LONG = b"x" * COMPRESS_FROM_BYTES

    @pytest.mark.parametrize(
        ("accept", "packed"),
        [("gzip", True), ("x-gzip", True), ("*", True), ("br, gzip;q=0.5", True), ("GZIP", True), ("gzip; q=1", True), ("gzip;q=0", False),
         ("gzip; q=0.0", False), ("br", False), ("identity", False), ("", False), ("gzipped", False)],
    )  # fmt: skip
    def test_is_for_those_who_ask(self, accept: str, packed: bool) -> None:  # noqa: FBT001
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
