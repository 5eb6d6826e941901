"""What our layer over Mangum adds: paths as they were sent, and sizes as the platform counts them."""

import base64
import json
import os
from typing import Any

import pytest
from mangum import Mangum

from aws.gateway import REPLY_LIMIT_BYTES, REQUEST_LIMIT_CHARACTERS, V1, V2, carried_bytes, is_too_large
from common.backend import Backend
from functions.http.app import create_app
from tests.aws.gateway_front import event_of
from tests.aws.runtime_api import EVENT_LIMIT_BYTES
from tests.aws.runtime_api import REPLY_LIMIT_BYTES as PLATFORM_LIMIT_BYTES
from tests.factories.settings import with_settings

CONFIG: Any = {"api_gateway_base_path": "/", "text_mime_types": [], "exclude_headers": []}


class TestPaths:
    @pytest.mark.parametrize(
        ("sent", "path"),
        [
            ("/api/user", "/api/user"),
            ("/api/stacks/acme/a%2Fb/c", "/api/stacks/acme/a/b/c"),
            ("/x/100%2525", "/x/100%25"),
            ("/x/a%20b+c", "/x/a b+c"),
            ("/x/%C3%A9", "/x/é"),
        ],
    )
    def test_of_an_http_api_are_decoded_once(self, sent: str, path: str) -> None:
        """The raw path is what was sent, and the path is that, decoded."""
        scope = V2(event_of("GET", sent, {"host": "x"}, b"", "192.0.2.1"), None, CONFIG).scope  # type: ignore[arg-type]

        assert (sent.encode(), path) == (scope["raw_path"], scope["path"])

    @pytest.mark.parametrize("path", ["/api/user", "/x/100%25", "/x/a b", "/x/é"])
    def test_of_a_rest_api_are_decoded_already(self, path: str) -> None:
        """Decoding such a path again would change `100%25`."""
        event = {
            "resource": "/{proxy+}",
            "path": path,
            "httpMethod": "GET",
            "headers": {},
            "requestContext": {"identity": {"sourceIp": "192.0.2.1"}},
        }
        scope = V1(event, None, CONFIG).scope  # type: ignore[arg-type]

        assert path == scope["path"]
        assert scope["raw_path"].decode().isascii()


def http_event(path: str, stage: str) -> dict[str, Any]:
    """Return an event of payload format 2.0."""
    event = event_of("GET", path, {"host": "x"}, b"", "192.0.2.1")
    event["requestContext"]["stage"] = stage
    return event


def rest_event(path: str, context_path: str, stage: str) -> dict[str, Any]:
    """Return an event of payload format 1.0."""
    context = {"identity": {"sourceIp": "192.0.2.1"}, "stage": stage, "path": context_path}
    return {"resource": "/{proxy+}", "path": path, "httpMethod": "GET", "headers": {}, "requestContext": context}


class TestStages:
    @pytest.mark.parametrize(
        ("sent", "stage", "path", "prefix"),
        [
            ("/prod/api/status", "prod", "/api/status", "/prod"),
            ("/prod/signin", "prod", "/signin", "/prod"),
            ("/prod", "prod", "/", "/prod"),
            ("/prod/api/stacks/acme/prod/dev", "prod", "/api/stacks/acme/prod/dev", "/prod"),
            ("/prod/prod/api/user", "prod", "/prod/api/user", "/prod"),
            ("/api/stacks/acme/prod/dev", "prod", "/api/stacks/acme/prod/dev", ""),
            ("/production/api/user", "prod", "/production/api/user", ""),
            ("/pulumi/api/user", "$default", "/pulumi/api/user", ""),
        ],
    )
    def test_with_a_name_are_taken_off_once(self, sent: str, stage: str, path: str, prefix: str) -> None:
        """An HTTP API sends the stage's name before the path; what stands behind it stays as it is."""
        scope = V2(http_event(sent, stage), None, CONFIG).scope  # type: ignore[arg-type]

        assert (path, prefix) == (scope["path"], scope["stackhold.prefix"])

    @pytest.mark.parametrize(
        ("sent", "in_context", "path", "prefix"),
        [
            ("/api/user", "/prod/api/user", "/api/user", "/prod"),
            ("/prod/app/dev", "/prod/prod/app/dev", "/prod/app/dev", "/prod"),
            ("/prod/api/user", "/prod/api/user", "/api/user", "/prod"),
            ("/pulumi/api/user", "/pulumi/api/user", "/pulumi/api/user", ""),
        ],
    )
    def test_of_payload_format_1(self, sent: str, in_context: str, path: str, prefix: str) -> None:
        """A REST API has the stage in the client's path alone; an HTTP API has it in both."""
        scope = V1(rest_event(sent, in_context, "prod"), None, CONFIG).scope  # type: ignore[arg-type]

        assert (path, prefix) == (scope["path"], scope["stackhold.prefix"])

    @pytest.mark.dialects("sqlite")
    @pytest.mark.usefixtures("client")
    def test_are_in_redirects_and_cookies(self, backend: Backend) -> None:
        """Pages work behind a stage without any setting, and with a base path that is told."""
        under = create_app(with_settings(backend, STACKHOLD_BASE_PATH="/pulumi"))
        cases: tuple[tuple[Any, dict[str, Any], str], ...] = (
            (create_app(backend), http_event("/prod/settings", "prod"), "/prod"),
            (create_app(backend), rest_event("/settings", "/prod/settings", "prod"), "/prod"),
            (under, http_event("/pulumi/settings", "$default"), "/pulumi"),
            (under, rest_event("/pulumi/settings", "/pulumi/settings", "prod"), "/pulumi"),
        )
        for app, event, prefix in cases:
            handler: Any = Mangum(app, lifespan="off", custom_handlers=[V2, V1])
            found = handler(event, None)
            assert (303, f"{prefix}/signin?return_to=%2Fsettings") == (found["statusCode"], found["headers"]["location"])


class TestSizes:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"x" * 5_000_000,
            b'"' * 4_000_000,
            b"\x00" * 900_000,
            "é".encode() * 2_500_000,
            os.urandom(4_400_000),
            os.urandom(4_600_000),
        ],
        ids=["nothing", "text", "quotes", "controls", "letters", "fits", "does not"],
    )
    def test_of_replies_are_never_underrated(self, body: bytes) -> None:
        """What is let through is within the platform's limit once it is JSON, whichever way the runtime spells letters."""
        try:
            text, is_base64 = body.decode(), False
        except UnicodeDecodeError:
            text, is_base64 = base64.b64encode(body).decode(), True
        reply = {"statusCode": 200, "headers": {"x": "y" * 20_000}, "body": text, "isBase64Encoded": is_base64}

        if carried_bytes(body) <= REPLY_LIMIT_BYTES:
            assert PLATFORM_LIMIT_BYTES >= len(json.dumps(reply).encode())

    def test_of_requests_leave_room_for_our_words(self) -> None:
        """Some of the requests that are too large fit into an event, and are refused in our words."""
        event = event_of("POST", "/", {"host": "x"}, b"\x80" + bytes(4_500_001), "192.0.2.1")

        assert is_too_large(event)
        assert EVENT_LIMIT_BYTES > len(json.dumps(event)) > REQUEST_LIMIT_CHARACTERS
        assert not is_too_large(event_of("POST", "/", {"host": "x"}, b"\x80" + bytes(4_400_000), "192.0.2.1"))
        assert not is_too_large({})
