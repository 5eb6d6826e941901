import gzip
import math
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import anyio
import msgspec
import pytest
from starlette.requests import Request
from starlette.testclient import TestClient
from starlette.types import Message

from common.backend import Backend
from common.config.settings import Settings
from common.core.errors import BadRequest, RequestTimeout, TooLarge, UnsupportedMediaType
from functions.http.app import create_app
from functions.http.bodies import VALUES, Body, BodyLimit, Pace, decode, read_body
from functions.http.reserve import RESERVED, STEP_BYTES, Reserved
from tests.factories.people import ADMIN_TOKEN, make_user
from tests.wire import begin, create_stack, error_of

pytestmark = pytest.mark.dialects("sqlite")
S = "/api/stacks/acme/shop/dev"
TEXT = b'{"entries":[]}'
PACKED = gzip.compress(TEXT)
LIMIT = 1000
NOT_GZIP = "Bad Request: the request body is not valid gzip"


class Shape(msgspec.Struct):
    """A wire shape."""

    name: str
    count: int = 0


def body(stored: bytes, encoding: str = "", limit: int = LIMIT) -> Body:
    """Return a received body."""
    return Body(stored, encoding, BodyLimit(limit, limit))


class TestBody:
    @pytest.mark.parametrize(
        ("stored", "encoding"),
        [
            (TEXT, ""),
            (TEXT, "identity"),
            (TEXT, "gzip"),
            (PACKED, "gzip"),
            (PACKED, "x-gzip"),
            (PACKED, ""),
            (PACKED, "identity"),
            (gzip.compress(TEXT[:5]) + gzip.compress(TEXT[5:]), "gzip"),
            (b" \n" + TEXT, "gzip"),
        ],
        ids=["plain", "identity", "header-only", "gzip", "x-gzip", "no-header", "wrong-header", "two-members", "blanks"],
    )
    def test_is_told_by_its_bytes(self, stored: bytes, encoding: str) -> None:
        """Gateways inflate bodies and leave the header, or drop the header: the first bytes decide."""
        assert TEXT == body(stored, encoding).text.strip()

    @pytest.mark.parametrize("encoding", ["", "gzip", "x-gzip", "identity"])
    def test_may_be_empty(self, encoding: str) -> None:
        """An empty body is empty, whatever the header says."""
        assert b"" == body(b"", encoding).text

    @pytest.mark.parametrize(
        ("stored", "encoding"),
        [
            (PACKED[:20], "gzip"),
            (PACKED[:-1], ""),
            (PACKED.decode("utf-8", "replace").encode(), "gzip"),
            (PACKED, "gzip, gzip"),
            (PACKED[:-8] + b"\0" * 8, "gzip"),
            (PACKED + b"rubbish", "gzip"),
            (b"\x1f\x8b", "gzip"),
            (b"rubbish", "gzip"),
            (TEXT, "gzip, gzip"),
        ],
        ids=[
            "cut",
            "cut-a-byte",
            "re-encoded",
            "named-twice",
            "checksum",
            "rubbish-after",
            "magic-only",
            "rubbish",
            "named-twice-plain",
        ],
    )
    def test_that_is_damaged(self, stored: bytes, encoding: str) -> None:
        """What is no gzip is 400 and says so."""
        with pytest.raises(BadRequest) as caught:
            _ = body(stored, encoding).text
        assert caught.value.message.startswith(NOT_GZIP)

    @pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, br", "gzip;q=1", "x" * 500])
    def test_of_another_encoding(self, encoding: str) -> None:
        """Only gzip is understood."""
        with pytest.raises(UnsupportedMediaType):
            _ = body(PACKED, encoding).text

    def test_is_limited_after_inflation(self) -> None:
        """A small body that inflates beyond the limit is 413; one that just fits is taken."""
        with pytest.raises(TooLarge):
            _ = body(gzip.compress(b" " * (LIMIT + 1))).text
        assert LIMIT == len(body(gzip.compress(b" " * LIMIT)).text)

    def test_is_inflated_only_when_asked(self) -> None:
        """The client's own bytes can be had without a look at them."""
        assert b"\x1f\x8bx" == body(b"\x1f\x8bx").stored


class TestDecode:
    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b'"x"',
            b"{}",
            b'{"name":1}',
            b'{"name":"a","count":"1"}',
            b"\xff",
            b'{"name":"\xff"}',
            b'{"name":"\\ud800"}',
            b"[" * 200_000,
            b'{"name":"a"} x',
            b'{"name":"a","count":1e999}',
            b"\xef\xbb\xbf{}",
        ],
    )
    def test_refuses_whatever_is_off(self, text: bytes) -> None:
        """What is not of the shape is 400, with the place that is off."""
        with pytest.raises(BadRequest) as caught:
            decode(text, Shape)
        assert caught.value.message.startswith("Bad Request: the request body does not have the expected form: ")

    def test_ignores_what_it_does_not_know(self) -> None:
        """Newer clients send more."""
        assert Shape("a") == decode(b'{"future":{"x":[1]},"name":"a"}', Shape)


class TestLimits:
    @pytest.fixture
    def small(self, backend: Backend, admin: object) -> Iterator[TestClient]:
        """A client of an application that takes small bodies only."""
        settings = Settings({"STACKHOLD_DATA": str(backend.settings.data_folder), "STACKHOLD_BODY_LIMIT_BYTES": str(LIMIT)})
        headers = {"Authorization": f"token {ADMIN_TOKEN}"}
        with TestClient(create_app(replace(backend, settings=settings)), headers=headers) as client:
            create_stack(client)
            yield client

    @pytest.mark.parametrize(
        "send",
        [lambda text: text, lambda text: iter([text[:600], text[600:]]), gzip.compress],
        ids=["declared", "streamed", "packed"],
    )
    def test_of_a_body(self, small: TestClient, send: Any) -> None:
        """A body over the limit is 413 whether its length is declared, unknown, or hidden in gzip, and names the setting."""
        state = b'{"version":3,"deployment":{"manifest":{}}}'
        fitting, large = state.ljust(LIMIT), state.ljust(LIMIT + 1)
        found = small.post(f"{S}/import", content=send(large))

        assert (
            413,
            413,
            "Request Entity Too Large: the request body is larger than 1,000 bytes (STACKHOLD_BODY_LIMIT_BYTES)",
        ) == error_of(found)
        assert 200 == small.post(f"{S}/import", content=send(fitting)).status_code

    def test_of_a_bomb(self, client: TestClient) -> None:
        """Hundreds of megabytes of blanks in a few kilobytes are refused."""
        create_stack(client)
        bomb = gzip.compress(b" " * (1 << 24)) * 20
        found = client.post(f"{S}/import", content=bomb, headers={"Content-Encoding": "gzip"})

        assert (413, 413) == error_of(found)[:2]

    def test_halve_a_journal_batch(self, client: TestClient) -> None:
        """A batch over the limit is 413, on which its sender halves it."""
        update = begin(client, create_stack(client))
        found = update.send("PATCH", "journalentries", gzip.compress(b" " * (257 << 20), 1), **{"Content-Encoding": "gzip"})

        assert (413, 413) == error_of(found)[:2]


async def read_at(backend: Backend, pace: Pace, parts: list[bytes]) -> int:
    """Read a body whose parts come at once and then nothing; an empty part is its end. Return its size."""
    messages = [{"type": "http.request", "body": part, "more_body": part != b""} for part in parts]

    async def receive() -> Message:
        if not messages:
            await anyio.sleep(60)
        return messages.pop(0)

    reserved = Reserved("acme")
    app = SimpleNamespace(state=SimpleNamespace(backend=backend))
    request = Request({"type": "http", "method": "POST", "headers": [], "app": app, RESERVED: reserved}, receive)
    try:
        return len((await read_body(request, VALUES, pace=pace)).stored)
    finally:
        reserved.release()


class TestSlowBodies:
    async def _call(self, backend: Backend, messages: list[Message]) -> list[Message]:
        """Return what the application sends to a client that sends some messages and then nothing."""
        sent: list[Message] = []

        async def receive() -> Message:
            if messages:
                return messages.pop(0)
            await anyio.sleep(60)
            raise AssertionError

        async def send(message: Message) -> None:
            sent.append(message)

        headers = [(b"authorization", f"token {ADMIN_TOKEN}".encode()), (b"content-length", b"1000")]
        scope = {
            "type": "http",
            "method": "POST",
            "path": f"{S}/encrypt",
            "raw_path": b"",
            "query_string": b"",
            "headers": headers,
            "http_version": "1.1",
            "scheme": "http",
            "server": ("t", 80),
            "client": ("t", 1),
            "root_path": "",
            "app": None,
        }
        with anyio.fail_after(10):
            await create_app(backend)(scope, receive, send)
        return sent

    def status(self, sent: list[Message]) -> tuple[int, int]:
        """Return status and code of a reply."""
        return sent[0]["status"], msgspec.json.decode(sent[1]["body"])["code"]

    def test_that_stop_are_let_go(self, backend: Backend) -> None:
        """A client that sends nothing for too long is answered 408."""
        with pytest.raises(RequestTimeout, match="no part of the request body came for"):
            anyio.run(read_at, backend, Pace(idle_seconds=0.05), [b"{"])

    def test_that_come_too_slowly_are_let_go(self, backend: Backend) -> None:
        """A body that has reserved memory must arrive at a rate: one that only keeps the connection busy is answered 408."""
        with pytest.raises(RequestTimeout, match="the request body arrived too slowly"):
            anyio.run(read_at, backend, Pace(grace_seconds=0.05, bytes_per_second=1 << 40), [b" " * (STEP_BYTES + 1)])

    def test_that_go_on_are_not(self, backend: Backend) -> None:
        """The limit is on the pause between two parts, not on the whole, as long as a body is small."""
        parts = [b"x"] * 20

        assert 20 == anyio.run(read_at, backend, Pace(grace_seconds=0, bytes_per_second=1), [*parts, b""])

    @pytest.mark.parametrize(("size", "seconds"), [(STEP_BYTES, math.inf), (64 << 20, 60 + 2048), (256 << 20, 60 + 8192)])
    def test_have_time_for_their_size(self, size: int, seconds: float) -> None:
        """A large body has a minute and as long as 32 KiB a second take; a small one has no end."""
        assert seconds == Pace().latest_end(size)

    def test_of_clients_that_left(self, backend: Backend, client: TestClient) -> None:
        """A client that goes away in the middle leaves nothing behind."""
        create_stack(client)
        gone: list[Message] = [{"type": "http.disconnect"}]

        assert (400, 400) == self.status(anyio.run(self._call, backend, gone))


class TestOrder:
    @pytest.mark.parametrize("call", ["import", "encrypt", "update", "rename", "tags"])
    def test_asks_who_calls_before_it_reads(self, client: TestClient, call: str) -> None:
        """A stranger is refused before the first byte of their upload is taken."""
        create_stack(client)

        def endless() -> Iterator[bytes]:
            yield b"x"
            raise AssertionError("the body was read")

        found = client.post(f"{S}/{call}", content=endless(), headers={"Authorization": "token pul-" + "0" * 40})

        assert found.status_code == 401

    def test_asks_whether_an_import_is_allowed_before_it_reads(self, client: TestClient, backend: Backend) -> None:
        """One who may not import learns it before they have sent their state."""
        create_stack(client)
        stranger = {"Authorization": f"token {make_user(backend, 'mallory')}"}

        assert (404, 404) == error_of(client.post(f"{S}/import", content=b"rubbish", headers=stranger))[:2]
        assert (400, 400) == error_of(client.post(f"{S}/import", content=b"rubbish"))[:2]
