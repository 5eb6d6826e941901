"""A request as Azure Functions hands it over, served by an ASGI application, and its answer; nothing is lost on the way.

Microsoft's own adapter decodes the path (`%2F` becomes a slash), knows no client address, keeps the body of a HEAD, logs
every message and polls. This one is independent of Microsoft's library, so it can be tested and measured without.
"""

import asyncio
import ipaddress
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote, urlsplit

from starlette.types import ASGIApp, Message, Scope

from functions.http.size_limits import CARRIER, Carrier

# The front end decodes an encoded slash before it hands a request on, and says here what the client had sent.
_AS_SENT = "x-waws-unencoded-url"
# The host says these itself.
_NOT_PASSED_ON = {b"connection", b"transfer-encoding"}
_HTTPS_PORT, _HTTP_PORT = 443, 80
_BAD_REQUEST = 400
# The platform's gateway gives a request 230 seconds. What is larger or takes longer to make than this is made in parts.
_CARRIER = Carrier("Azure Functions", 64 << 20, len, making_seconds=60)
_NO_ADDRESS = b'{"code":400,"message":"Bad Request: the address of the request cannot be read"}'


class Incoming(Protocol):
    """What is used of `azure.functions.HttpRequest`; the names of its headers are in lower case."""

    @property
    def method(self) -> str:
        """The method."""
        ...

    @property
    def url(self) -> str:
        """The whole address."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; the host has joined repeated ones with commas."""
        ...

    def get_body(self) -> bytes:
        """Return the body as it came, compressed or not."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back; only `set-cookie` stands several times in the headers, as the host keeps no other name twice."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


async def serve(app: ASGIApp, request: Incoming, trusted_proxies: Collection[str] = ()) -> Answer:
    """Return what the application answers to a request; its exceptions pass up."""
    try:
        scope = scope_of(request, trusted_proxies)
    except ValueError:  # `https://[/`, an invalid port
        return Answer(_BAD_REQUEST, (("content-type", "application/json"),), _NO_ADDRESS)
    exchange = _Exchange(request.get_body())
    await app({**scope, CARRIER: _CARRIER}, exchange.receive, exchange.send)
    return exchange.answer(with_body=request.method != "HEAD")


def scope_of(request: Incoming, trusted_proxies: Collection[str] = ()) -> Scope:
    """Return the ASGI scope of a request."""
    address, headers = urlsplit(request.url), request.headers
    raw_path = _raw_path(address.path, headers.get(_AS_SENT, ""))
    scheme = headers.get("x-forwarded-proto") or address.scheme
    port = address.port or (_HTTPS_PORT if scheme == "https" else _HTTP_PORT)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": scheme if scheme in ("http", "https") else "https",
        "path": unquote(raw_path),
        "raw_path": raw_path.encode(),
        "query_string": address.query.encode(),
        "root_path": "",
        "headers": [(name.encode("latin-1"), _encoded(value)) for name, value in headers.items()],
        "server": (address.hostname or "", port),
        "client": _client(headers.get("x-forwarded-for", ""), trusted_proxies),
    }


class _Exchange:
    """The application's two channels."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._is_over = asyncio.Event()
        self._status = 500
        self._headers: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []

    async def receive(self) -> Message:
        """Give the body in one piece; after that nothing comes until the answer is complete."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._is_over.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take a part of the answer."""
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], list(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            self._parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                self._is_over.set()

    def answer(self, *, with_body: bool) -> Answer:
        """Return what was sent, with repeated headers joined."""
        joined: dict[str, str] = {}
        cookies = []
        for name, value in self._headers:
            text, name_text = value.decode("latin-1"), name.decode("latin-1").lower()
            if name_text == "set-cookie":
                cookies.append((name_text, text))
            elif name not in _NOT_PASSED_ON:
                joined[name_text] = f"{joined[name_text]}, {text}" if name_text in joined else text
        return Answer(self._status, (*joined.items(), *cookies), b"".join(self._parts) if with_body else b"")


def _raw_path(path: str, as_sent: str) -> str:
    """Return the path as the client sent it, where the front end says so and it is the same one once both are decoded."""
    sent = as_sent.partition("?")[0]
    return sent if sent.startswith("/") and unquote(unquote(sent)) == unquote(unquote(path)) else path or "/"


def _client(forwarded_for: str, trusted_proxies: Collection[str]) -> tuple[str, int] | None:
    """Return who connected to the front end: the last address it was told of, or the last one that is no trusted proxy."""
    hops = [hop for hop in (_hop(text) for text in forwarded_for.split(",")) if hop is not None]
    while len(hops) > 1 and hops[-1][0] in trusted_proxies:
        hops.pop()
    return hops[-1] if hops else None


def _hop(text: str) -> tuple[str, int] | None:
    """Return address and port of one hop, `1.2.3.4:5`, `[::1]:5`, or either without its port."""
    host, _, port = text.strip().rpartition(":")
    if not port.isascii() or not port.isdigit() or (":" in host and not host.endswith("]")):
        host, port = text.strip(), "0"
    try:
        return str(ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))), int(port)
    except ValueError:
        return None


def _encoded(value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode()
