"""API Gateway's HTTP API in front of a function: requests become events of payload format 2.0, replies become responses.

What the gateway says by itself it says in its own words, which have no `code`: too large, too slow, or the function failed.
"""

import base64
import contextlib
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.aws.runtime_api import EVENT_LIMIT_BYTES, Code, Environment, FunctionError, Server

REQUEST_LIMIT_BYTES = 10_000_000
# Headers that belong to a connection, and those that the gateway makes itself.
_NOT_PASSED_ON = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade"}


class Function:
    """A function with as many environments as there are calls at once, up to a limit."""

    def __init__(self, code: Code, handler: str, folder: Path, *, limit: int = 4) -> None:
        self._code, self._handler, self._folder = code, handler, folder
        self._slots = threading.Semaphore(limit)
        self._lock = threading.Lock()
        self._idle: list[Environment] = []
        self.environments: list[Environment] = []

    @property
    def inits(self) -> int:
        """How many processes were started so far."""
        return sum(environment.inits for environment in self.environments)

    @property
    def log(self) -> str:
        """What all environments have written."""
        return "".join(environment.log for environment in self.environments)

    def invoke_raw(self, event: bytes) -> bytes:
        """Call the function in an environment that is free, or in a new one."""
        with self._slots:
            with self._lock:
                environment = self._idle.pop() if self._idle else self._new()
            try:
                return environment.invoke_raw(event)
            finally:
                with self._lock:
                    self._idle.append(environment)

    def close(self) -> None:
        """End all environments."""
        for environment in self.environments:
            environment.close()

    def _new(self) -> Environment:
        environment = Environment(self._code, self._handler, self._folder / f"environment-{len(self.environments)}.log")
        self.environments.append(environment)
        return environment


class Front:
    """A listening gateway."""

    def __init__(self, invoke: Callable[[bytes], bytes]) -> None:
        class Handler(_Handler):
            function = staticmethod(invoke)

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    function: Callable[[bytes], bytes]

    def handle_any(self) -> None:
        """Serve one request."""
        body = self._body()
        if len(body) > REQUEST_LIMIT_BYTES:
            self._own_words(413, "Request Too Long")
            return
        event = json.dumps(event_of(self.command, self.path, dict(self._headers()), body, self.client_address[0])).encode()
        if len(event) > EVENT_LIMIT_BYTES:
            self._own_words(413, "Request Too Long")
            return
        try:
            reply = json.loads(self.function(event))
        except FunctionError:
            self._own_words(500, "Internal Server Error")
            return
        content = base64.b64decode(reply["body"]) if reply.get("isBase64Encoded") else reply.get("body", "").encode()
        self._answer(reply["statusCode"], content, reply.get("headers") or {}, reply.get("cookies") or [])

    def _headers(self) -> list[tuple[str, str]]:
        joined: dict[str, str] = {}
        for name, value in self.headers.items():
            key = name.lower()
            if key not in _NOT_PASSED_ON:
                joined[key] = f"{joined[key]},{value}" if key in joined else value
        joined["x-forwarded-proto"] = "https"
        return list(joined.items())

    def _body(self) -> bytes:
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.flush()
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def _own_words(self, status: int, message: str) -> None:
        self._answer(status, json.dumps({"message": message}).encode(), {"content-type": "application/json"}, [])

    def _answer(self, status: int, content: bytes, headers: dict[str, Any], cookies: list[str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "connection"):
                self.send_header(name, str(value))
        for cookie in cookies:
            self.send_header("set-cookie", cookie)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        with contextlib.suppress(OSError):
            self.wfile.flush()

    def log_message(self, *_arguments: object) -> None:
        """Stays silent."""


for _method in METHODS:
    setattr(_Handler, f"do_{_method}", _Handler.handle_any)


def event_of(method: str, target: str, headers: dict[str, str], body: bytes, address: str) -> dict[str, Any]:
    """Return the event of payload format 2.0 for a request."""
    parts = urlsplit(target)
    text, is_base64 = _text_of(body)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": parts.path,
        "rawQueryString": parts.query,
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "domainName": headers.get("host", ""),
            "http": {
                "method": method,
                "path": parts.path,
                "protocol": "HTTP/1.1",
                "sourceIp": address,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": "request",
            "routeKey": "$default",
            "stage": "$default",
            "timeEpoch": int(time.time() * 1000),
        },
        "isBase64Encoded": is_base64,
    }
    return {**event, "body": text} if body else event


def _text_of(body: bytes) -> tuple[str, bool]:
    try:
        return body.decode(), False
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), True
