"""Requests as Azure Functions hands them over, through the function that Azure calls."""

import asyncio
import gzip
import json
import time
import tracemalloc
from collections.abc import Callable, Mapping
from typing import Any

import azure.functions as func
import pytest
from azure.functions.http import HttpResponseConverter
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

import function_app
from common.backend import Backend
from functions.hosts.azure_http import Answer, scope_of, serve
from functions.http.app import create_app
from tests.factories.people import ADMIN_TOKEN
from tests.factories.settings import with_settings
from tests.stacks.engine.builders import dump, entry
from tests.wire import LiveUpdate, begin, create_stack

HOST = "acme.azurewebsites.net"
BOMB = gzip.compress(bytes(1 << 20)) * 2048

pytestmark = pytest.mark.dialects("sqlite")
Call = Callable[..., tuple[int, Mapping[str, str], bytes]]


def request(method: str = "GET", path: str = "/", body: bytes = b"", **headers: str) -> func.HttpRequest:
    """A request as the platform's library makes it."""
    spelled = {name.replace("_", "-"): value for name, value in headers.items()}
    return func.HttpRequest(method, f"https://{HOST}{path}", headers={"Host": HOST, **spelled}, body=body)


@pytest.fixture
def call(backend: Backend) -> Call:
    """Call the function and return status, headers and body as the platform's library passes them on."""
    return caller_of(create_app(backend))


def caller_of(app: ASGIApp) -> Call:
    """Return what calls an application through the function."""

    def made(method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Mapping[str, str], bytes]:
        response = asyncio.run(function_app.respond(app, request(method, path, body, **headers)))
        datum = HttpResponseConverter.encode(response, expected_type=None).value
        texts = {name: value.value for name, value in datum["headers"].items()}
        return int(datum["status_code"].value), texts, datum["body"].value

    return made


@pytest.fixture
def update(client: TestClient) -> LiveUpdate:
    """A running update."""
    return begin(client, create_stack(client))


def entries(count: int) -> bytes:
    """A body of journal entries."""
    return dump({"entries": [entry(number, 3, number) for number in range(1, count + 1)]})


class TestBasePath:
    @pytest.mark.usefixtures("client")
    def test_is_taken_off_once(self, backend: Backend, call: Call) -> None:
        """A front door that leaves its path in the address: the API answers as without, and redirects begin with the path."""
        plain = call("GET", "/api/user", authorization=f"token {ADMIN_TOKEN}")
        call_under = caller_of(create_app(with_settings(backend, STACKHOLD_BASE_PATH="/pulumi")))
        under = call_under("GET", "/pulumi/api/user", authorization=f"token {ADMIN_TOKEN}")

        assert (200, plain[2]) == (under[0], under[2])
        assert "/pulumi/signin" == call_under("GET", "/pulumi/")[1]["location"]


class TestCompressedBodies:
    """Compressed bodies that Azure's gateway passes on."""

    @pytest.mark.parametrize("count", [0, 100])
    @pytest.mark.parametrize(
        ("spelling", "headers"),
        [
            (gzip.compress, {"content_encoding": "gzip"}),
            (lambda text: text, {"content_encoding": "gzip"}),
            (gzip.compress, {}),
            (lambda text: gzip.compress(text[:7]) + gzip.compress(text[7:]), {"content_encoding": "gzip"}),
            (gzip.compress, {"content_encoding": "x-gzip"}),
            (gzip.compress, {"Content_Encoding": "GZIP"}),
        ],
        ids=["gzip", "header-only", "no-header", "two-members", "x-gzip", "upper-case"],
    )
    def test_are_taken_however_they_are_labelled(
        self, call: Call, update: LiveUpdate, count: int, spelling: Callable[[bytes], bytes], headers: dict[str, str]
    ) -> None:
        """The bytes reach the application as they were sent, and their first two decide."""
        authorization = f"update-token {update.token}"
        status, _, body = call(
            "PATCH", f"{update.url}/journalentries", spelling(entries(count)), authorization=authorization, **headers
        )

        assert (204, b"") == (status, body) or 200 == status

    @pytest.mark.parametrize(
        ("body", "encoding", "said"),
        [
            (gzip.compress(entries(100))[:20], "gzip", "not valid gzip"),
            (gzip.compress(entries(100)).decode("utf-8", "replace").encode(), "gzip", "not valid gzip"),
            (gzip.compress(entries(100)), "gzip, gzip", "not valid gzip"),
            (b"", "gzip", "expected form"),
        ],
        ids=["cut", "re-encoded", "named-twice", "empty"],
    )
    def test_that_are_damaged_are_refused(self, call: Call, update: LiveUpdate, body: bytes, encoding: str, said: str) -> None:
        """What a gateway spoiled is a 400 of ours."""
        authorization = f"update-token {update.token}"
        found, headers, text = call(
            "PATCH", f"{update.url}/journalentries", body, authorization=authorization, content_encoding=encoding
        )

        assert (400, 400) == (found, json.loads(text)["code"])
        assert said in json.loads(text)["message"]
        assert "application/json" == headers["content-type"]

    def test_that_are_bombs_are_refused_cheaply(self, call: Call, update: LiveUpdate) -> None:
        """Two gigabytes of zeros in two megabytes are a 413, within a second or so and little memory."""
        tracemalloc.start()
        began = time.process_time()
        status, _, _ = call(
            "PATCH", f"{update.url}/journalentries", BOMB, authorization=f"update-token {update.token}", content_encoding="gzip"
        )
        spent, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert 413 == status
        assert 3 > spent
        assert 64 << 20 > peak


class TestAnswers:
    def test_are_compressed_for_those_who_ask(self, call: Call, client: TestClient) -> None:
        """A client that takes gzip gets gzip bytes and one header that says so; another gets plain text."""
        create_stack(client, tags={f"t{number}": "x" * 200 for number in range(20)})
        who = {"authorization": f"token {ADMIN_TOKEN}"}
        plain = call("GET", "/api/stacks/acme/shop/dev", **who)
        packed = call("GET", "/api/stacks/acme/shop/dev", accept_encoding="gzip", **who)

        assert "content-encoding" not in plain[1]
        assert "gzip" == packed[1]["content-encoding"]
        assert plain[2] == gzip.decompress(packed[2])

    def test_to_a_head_have_no_body(self, call: Call, client: TestClient) -> None:
        """The body of an answer to HEAD is dropped, its length is still told."""
        status, headers, body = call("HEAD", "/api/nope", authorization=f"token {ADMIN_TOKEN}")

        assert (404, b"") == (status, body)
        assert 0 < int(headers["content-length"])

    def test_without_content_stay_empty(self, call: Call, client: TestClient) -> None:
        """A 204 has no body, and its status survives."""
        create_stack(client)
        status, _, body = call("DELETE", "/api/stacks/acme/shop/dev", authorization=f"token {ADMIN_TOKEN}")

        assert (204, b"") == (status, body)

    def test_keep_every_header(self) -> None:
        """Repeated headers are joined, cookies stay apart, and what the host says itself is left to it."""
        answer = served(
            [(b"vary", b"A"), (b"Vary", b"B"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"connection", b"x")]
        )

        assert (("vary", "A, B"), ("set-cookie", "a=1"), ("set-cookie", "b=2")) == answer.headers

    def test_in_pieces_are_put_together(self) -> None:
        """An application may send its body in parts, and wait for the client to go away meanwhile."""
        assert b"onetwo" == served([], b"one", b"two").body


def served(headers: list[tuple[bytes, bytes]], *parts: bytes) -> Answer:
    """Return the response for an answer of these headers and parts."""

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        assert {"type": "http.request", "body": b"body", "more_body": False} == await receive()
        gone = asyncio.create_task(_next(receive))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
            assert not gone.done()
        await send({"type": "http.response.body"})
        assert {"type": "http.disconnect"} == await gone

    return asyncio.run(serve(app, request("POST", body=b"body")))


async def _next(receive: Receive) -> Any:
    return await receive()


class TestAddresses:
    @pytest.mark.parametrize("url", ["https://[/api/user", "https://a:99999999/", "https://a:x/", "https://a/\ud800"])
    def test_that_cannot_be_read_are_refused(self, url: str) -> None:
        """An invalid host or port is the client's mistake, not a fault of the function."""

        async def never(_scope: Scope, _receive: Receive, _send: Send) -> None:
            raise AssertionError

        answer = asyncio.run(serve(never, func.HttpRequest("GET", url, headers={}, body=b"")))

        assert 400 == answer.status == json.loads(answer.body)["code"]


class TestScope:
    @pytest.mark.parametrize(
        ("url", "sent", "raw", "path"),
        [
            ("/api/a/b", "", "/api/a/b", "/api/a/b"),
            ("/api/a%2Fb", "", "/api/a%2Fb", "/api/a/b"),
            ("/api/a/b", "/api/a%2Fb?x=1", "/api/a%2Fb", "/api/a/b"),
            ("/api/a%2Fb", "/api/a%252Fb", "/api/a%252Fb", "/api/a%2Fb"),
            ("/api/caf%C3%A9", "/api/caf%c3%a9", "/api/caf%c3%a9", "/api/café"),
            ("/api/user", "/api/orgs", "/api/user", "/api/user"),
            ("/api/user", "elsewhere", "/api/user", "/api/user"),
            ("/api//user", "//api//user", "/api//user", "/api//user"),
            ("", "", "/", "/"),
        ],
    )
    def test_has_the_path_as_it_was_sent(self, url: str, sent: str, raw: str, path: str) -> None:
        """The front end's word on what it was sent counts where it is the same path once decoded, and not otherwise."""
        scope = scope_of(request("GET", url, b"", **({"X_Waws_Unencoded_Url": sent} if sent else {})))

        assert (raw, path) == (scope["raw_path"].decode(), scope["path"])

    def test_has_the_query_as_it_was_sent(self) -> None:
        """Nothing of a query is decoded on the way."""
        scope = scope_of(request(path="/api/stacks?tagName=a%2Bb&x=+%20&y"))

        assert b"tagName=a%2Bb&x=+%20&y" == scope["query_string"]

    @pytest.mark.parametrize(
        ("forwarded", "trusted", "client"),
        [
            ("", (), None),
            ("203.0.113.7:51234", (), ("203.0.113.7", 51234)),
            ("203.0.113.7", (), ("203.0.113.7", 0)),
            ("10.0.0.1, 203.0.113.7:51234", (), ("203.0.113.7", 51234)),
            ("198.51.100.1, 203.0.113.7:9", ("203.0.113.7",), ("198.51.100.1", 0)),
            ("[2001:db8::1]:443", (), ("2001:db8::1", 443)),
            ("2001:db8::1", (), ("2001:db8::1", 0)),
            ("unknown, ::1", (), ("::1", 0)),
            ("nobody", (), None),
        ],
    )
    def test_has_the_client_that_the_front_end_saw(
        self, forwarded: str, trusted: tuple[str, ...], client: tuple[str, int] | None
    ) -> None:
        """The last address is the front end's own word; those before it anyone can invent, unless a trusted proxy adds them."""
        headers = {"X_Forwarded_For": forwarded} if forwarded else {}

        assert client == scope_of(request("GET", "/", b"", **headers), trusted)["client"]

    def test_has_all_the_rest(self) -> None:
        """Method, scheme, server and headers arrive; names are in lower case and values are bytes."""
        scope = scope_of(request("PATCH", Authorization="token x", X_Name="café", X_Other="日"))

        assert ("PATCH", "https", (HOST, 443)) == (scope["method"], scope["scheme"], scope["server"])
        assert {"version": "3.0", "spec_version": "2.3"} == scope["asgi"]
        assert [
            (b"host", HOST.encode()),
            (b"authorization", b"token x"),
            (b"x-name", "café".encode("latin-1")),
            (b"x-other", "日".encode()),
        ] == scope["headers"]
