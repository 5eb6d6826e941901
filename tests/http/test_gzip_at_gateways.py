"""Compressed bodies that two gateways pass on, with the same calls through every entry point."""

import asyncio
import base64
import gzip
import json
import time
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from mangum import Mangum
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from aws.gateway import CARRIER, V1, V2
from common.backend import Backend
from functions.hosts.azure_http import serve
from functions.http.app import create_app
from functions.http.size_limits import Bounded
from tests.aws.gateway_front import event_of
from tests.factories.people import ADMIN_TOKEN
from tests.stacks.engine.builders import make_batch, make_resource, make_state
from tests.wire import LiveUpdate, begin, create_stack, import_state

pytestmark = pytest.mark.dialects("sqlite")
ENTRIES = make_batch(*({"version": 1, "kind": 3, "sequenceID": number, "operationID": number} for number in range(1, 101)))
BOMB = gzip.compress(bytes(1 << 20)) * 2048


@dataclass(frozen=True, slots=True)
class Reply:
    """What a client gets."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def message(self) -> str:
        """The message of a refusal in the wire's shape."""
        body = json.loads(self.body)
        assert body["code"] == self.status
        return str(body["message"])


Send = Callable[[str, str, bytes, dict[str, str]], Reply]


@dataclass(frozen=True, slots=True)
class _AzureRequest:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    def get_body(self) -> bytes:
        return self.body


def through_server(app: ASGIApp) -> Send:
    """Send to the application as a server of one's own does."""
    client = TestClient(app, raise_server_exceptions=False)

    def send(method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        # The client would ask for gzip and inflate on its own; what goes over the wire is wanted.
        with client.stream(method, path, content=body, headers={"accept-encoding": "", **headers}) as reply:
            return Reply(reply.status_code, reply.headers, b"".join(reply.iter_raw()))

    return send


def through_lambda(app: ASGIApp, *, rest: bool) -> Send:
    """Send to the Lambda function as an HTTP API does, or as a REST API."""
    function = Mangum(Bounded(app, CARRIER), lifespan="off", custom_handlers=[V2, V1])

    def send(method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        event = event_of(method, path, {"host": "api.example.com", **headers}, body, "192.0.2.1")
        if rest:
            event = rest_event_of(event)
        answer = function(event, None)  # type: ignore[arg-type]  # no handler looks at the context
        text = answer["body"]
        content = base64.b64decode(text) if answer["isBase64Encoded"] else text.encode()
        return Reply(answer["statusCode"], answer["headers"], content)

    return send


def rest_event_of(event: dict[str, Any]) -> dict[str, Any]:
    """Return the event of a REST API for one of an HTTP API; such a gateway may hand over everything as base64."""
    body = event.get("body")
    encoded = body if body is None or event["isBase64Encoded"] else base64.b64encode(body.encode()).decode()
    return {
        "resource": "/{proxy+}",
        "path": event["rawPath"],
        "httpMethod": event["requestContext"]["http"]["method"],
        "headers": event["headers"],
        "multiValueHeaders": {name: [value] for name, value in event["headers"].items()},
        "requestContext": {"identity": {"sourceIp": "192.0.2.1"}, "path": event["rawPath"]},
        "body": encoded,
        "isBase64Encoded": encoded is not None,
    }


def through_azure(app: ASGIApp) -> Send:
    """Send through the bridge of the Azure function."""

    def send(method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        request = _AzureRequest(method, f"https://api.example.com{path}", {"host": "api.example.com", **headers}, body)
        answer = asyncio.run(serve(app, request))
        return Reply(answer.status, dict(answer.headers), answer.body)

    return send


ENTRY_POINTS: dict[str, Callable[[ASGIApp], Send]] = {
    "server": through_server,
    "lambda-http-api": lambda app: through_lambda(app, rest=False),
    "lambda-rest-api": lambda app: through_lambda(app, rest=True),
    "azure": through_azure,
}


@pytest.fixture(params=ENTRY_POINTS)
def send(request: pytest.FixtureRequest, backend: Backend) -> Send:
    """Send a request through one of the entry points."""
    return ENTRY_POINTS[request.param](create_app(backend))


@pytest.fixture
def update(client: TestClient) -> LiveUpdate:
    """A running update."""
    return begin(client, create_stack(client))


def journal(send: Send, update: LiveUpdate, body: bytes, encoding: str | None) -> Reply:
    """Send journal entries as they are."""
    headers = {"authorization": f"update-token {update.token}", "content-type": "application/json"}
    return send(
        "PATCH", f"{update.url}/journalentries", body, headers if encoding is None else {**headers, "content-encoding": encoding}
    )


class TestBodies:
    @pytest.mark.parametrize("text", [b'{"entries":[]}', ENTRIES], ids=["no entry", "100 entries"])
    @pytest.mark.parametrize(
        ("spelling", "encoding"),
        [
            (gzip.compress, "gzip"),
            (lambda text: text, "gzip"),
            (lambda text: text, None),
            (gzip.compress, None),
            (lambda text: gzip.compress(text[:9]) + gzip.compress(text[9:]), "gzip"),
            (gzip.compress, "x-gzip"),
        ],
        ids=["gzip", "only the header", "plain", "no header", "two members", "x-gzip"],
    )
    def test_are_told_by_their_first_bytes(
        self, send: Send, update: LiveUpdate, spelling: Callable[[bytes], bytes], encoding: str | None, text: bytes
    ) -> None:
        """However a gateway left body and header, the same entries arrive."""
        reply = journal(send, update, spelling(text), encoding)

        assert (204, b"") == (reply.status, reply.body)

    @pytest.mark.parametrize(
        ("body", "encoding"),
        [
            (gzip.compress(ENTRIES)[:20], "gzip"),
            (gzip.compress(ENTRIES).decode("utf-8", "replace").encode(), "gzip"),
            (gzip.compress(ENTRIES), "gzip, gzip"),
        ],
        ids=["cut off", "taken for text", "two encodings"],
    )
    def test_that_were_damaged_are_refused(self, send: Send, update: LiveUpdate, body: bytes, encoding: str) -> None:
        """Damage on the way is a 400 that says so."""
        reply = journal(send, update, body, encoding)

        assert 400 == reply.status
        assert "not valid gzip" in reply.message

    def test_of_nothing_are_nothing(self, send: Send, update: LiveUpdate) -> None:
        """An empty body with the header is an empty body, not damaged gzip."""
        reply = journal(send, update, b"", "gzip")

        assert 400 == reply.status
        assert "gzip" not in reply.message

    def test_do_not_grow_without_limit(self, send: Send, update: LiveUpdate) -> None:
        """Two gigabytes of zeros in two megabytes are refused soon and with little memory."""
        tracemalloc.start()
        began = time.process_time()
        reply = journal(send, update, BOMB, "gzip")
        spent, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert 413 == reply.status
        assert "larger than" in reply.message
        assert 3 > spent
        assert 64 << 20 > peak


class TestReplies:
    @pytest.mark.parametrize("asked", ["gzip", "gzip, deflate, br", None, "identity", "br", "gzip;q=0"])
    def test_are_compressed_for_those_who_ask(self, send: Send, client: TestClient, asked: str | None) -> None:
        """Gzip goes only to a client that takes it, once, and no other encoding goes to anyone."""
        stack = create_stack(client)
        import_state(client, stack, make_state(*(make_resource(f"r{number}") for number in range(50))))
        headers = {"authorization": f"token {ADMIN_TOKEN}", **({"accept-encoding": asked} if asked else {})}
        reply = send("GET", f"{stack}/export", b"", headers)
        packed = reply.headers.get("content-encoding") == "gzip"

        assert 200 == reply.status
        assert packed == (asked in ("gzip", "gzip, deflate, br"))
        assert packed or "content-encoding" not in reply.headers
        text = gzip.decompress(reply.body) if packed else reply.body
        assert 50 == len(json.loads(text)["deployment"]["resources"])
