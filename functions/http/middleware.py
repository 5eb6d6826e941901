"""What happens to every request and reply: one spelling of the path, a request id, gzip for those who ask, a last net.

Plain ASGI, because a reply passes through here once and must not be copied.
"""

import logging
import re

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request as HTTPRequest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.core.compression import inflated_parts, is_worth_packing, pack, unpack
from common.core.errors import BadRequest
from common.core.ids import new_id
from common.telemetry.requests import Request, working_for
from common.telemetry.telemetry import OFF, Telemetry
from functions.http.errors import error_response, unexpected_error
from functions.http.observing import observed
from functions.http.reserve import RESERVED, Reserved, owner_of

LOG = logging.getLogger("stackhold.requests")
COMPRESS_FROM_BYTES = 1024
THREAD_FROM_BYTES = 64 << 10
REFUSED = 400
_REQUEST_ID = b"x-pulumi-request-id"
_SLASHES = re.compile(r"/{2,}")
# Set in the scope of a request whose client is on this machine.
NEAR = "stackhold.is_near"
# In the scope: the prefix of the path in the browser's address. An entry point may set it to what it took off itself.
PREFIX = "stackhold.prefix"


class Edge:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, base_path: str = "", telemetry: Telemetry = OFF) -> None:
        """Wrap the dispatcher. `base_path` is taken off paths that begin with it, once."""
        self._app = app
        self._telemetry = telemetry
        self._base_path = base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(new_id())
        scope = self._inner(scope, request)
        outgoing = Outgoing(
            send, wants_gzip=accepts_gzip(scope), is_near=NEAR in scope, prefix=scope[PREFIX], request_id=request.id
        )
        with working_for(request), observed(self._telemetry, scope, request, outgoing):
            await self._serve(scope, receive, outgoing)

    def _inner(self, scope: Scope, request: Request) -> Scope:
        """Return the scope of a request as the application has it."""
        path, prefix = _clean(scope["path"]), scope.get(PREFIX, "")
        if (rest := without_prefix(path, self._base_path)) != path:
            path, prefix = rest, self._base_path
        reserved = Reserved(owner_of({**scope, "path": path}))
        return {**scope, "path": path, PREFIX: prefix, "stackhold.request_id": request.id, RESERVED: reserved}

    async def _serve(self, scope: Scope, receive: Receive, outgoing: "Outgoing") -> None:
        if has_several_hosts(scope):
            await error_response(BadRequest("a request has one Host header"))(scope, receive, outgoing.send)
            return
        try:
            await self._app(scope, receive, outgoing.send)
        except Exception as error:  # the last net: whatever is left becomes a 500 in the wire's shape
            LOG.exception("request %s %s %s failed", scope["stackhold.request_id"], scope["method"], scope["path"])
            if not outgoing.started:
                await unexpected_error(HTTPRequest(scope), error)(scope, receive, outgoing.send)
        finally:
            scope[RESERVED].release()


class Outgoing:
    """Sends a reply, compressed or inflated to what the client takes. Replies here are always of one piece."""

    def __init__(self, send: Send, *, wants_gzip: bool, is_near: bool = False, prefix: str = "", request_id: str = "") -> None:
        """Hold back the start of the reply until its body is known; redirects to paths of ours begin with the prefix."""
        self._send = send
        self._wants_gzip = wants_gzip
        self._is_near = is_near
        self._prefix = prefix.encode()
        self._request_id = request_id.encode()
        self._start: Message | None = None
        self.started = False
        self.status = 0

    async def send(self, message: Message) -> None:
        """Pass a message on; the body of one-piece replies is converted if need be."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._start = {**message, "headers": _prefixed(message["headers"], self._prefix)} if self._prefix else message
            if self.status >= REFUSED:
                self._start["headers"] = _named(self._start["headers"], self._request_id)
            return
        if self._start is not None and message["type"] == "http.response.body":
            start, self._start = self._start, None
            if not message.get("more_body"):
                body: bytes = message.get("body", b"")
                is_plain = not self._wants_gzip or (self._is_near and _is_better_plain(body))
                if is_plain and self._is_near and _is_packed(start):
                    await self._inflate(start, body)
                    return
                message = await self._converted(start, message, wants_gzip=not is_plain)
            self.started = True
            await self._send(start)
        await self._send(message)

    async def _inflate(self, start: Message, packed: bytes) -> None:
        """Send stored bytes as they are inflated, to a client of our own server: a large state is never there as a whole."""
        start["headers"] = _converted_headers(start)
        self.started = True
        await self._send(start)
        async for part in iterate_in_threadpool(inflated_parts(packed)):
            await self._send({"type": "http.response.body", "body": part, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})

    async def _converted(self, start: Message, message: Message, *, wants_gzip: bool) -> Message:
        body: bytes = message.get("body", b"")
        packed = _is_packed(start)
        if packed and not wants_gzip:
            body = await run_in_threadpool(unpack, body)
        elif not packed and wants_gzip and len(body) >= COMPRESS_FROM_BYTES:
            body = pack(body) if len(body) < THREAD_FROM_BYTES else await run_in_threadpool(pack, body)
        elif not packed:
            return message
        kept = _converted_headers(start)
        if wants_gzip:
            kept.append((b"content-encoding", b"gzip"))
        start["headers"] = [*kept, (b"content-length", str(len(body)).encode())]
        return {**message, "body": body}


def _is_packed(start: Message) -> bool:
    return any(name == b"content-encoding" for name, _ in start["headers"])


def _converted_headers(start: Message) -> list[tuple[bytes, bytes]]:
    """Return the headers of a reply whose body is another now, without its length and encoding."""
    replaced = (b"content-length", b"content-encoding")
    return [*((name, value) for name, value in start["headers"] if name not in replaced), (b"vary", b"Accept-Encoding")]


def has_several_hosts(scope: Scope) -> bool:
    """Tell whether a request names several hosts, of which this server and a proxy might each take another (RFC 9112, 3.2)."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    return len(hosts) > 1 or any(b"," in host for host in hosts)


def accepts_gzip(scope: Scope) -> bool:
    """Tell whether a request's client takes gzip."""
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept-encoding").decode("latin-1").lower()
    offers = [offer.strip().replace(" ", "") for offer in accepted.split(",")]
    return any(offer.partition(";")[0] in ("gzip", "x-gzip", "*") and not offer.endswith((";q=0", ";q=0.0")) for offer in offers)


def _is_better_plain(body: bytes) -> bool:
    """Tell whether a client on this machine is done sooner with a plain body, as it is with one that shrinks little."""
    return len(body) >= THREAD_FROM_BYTES and not is_worth_packing(body)


def without_prefix(path: str, prefix: str) -> str:
    """Return a path without a prefix of whole segments, if it has it."""
    if not prefix or not (path + "/").startswith(prefix + "/"):
        return path
    return path[len(prefix) :] or "/"


def _prefixed(headers: list[tuple[bytes, bytes]], prefix: bytes) -> list[tuple[bytes, bytes]]:
    """Return the headers of a reply with the prefix before the path that it redirects to."""
    return [
        (name, prefix + value if name == b"location" and value.startswith(b"/") and not value.startswith(b"//") else value)
        for name, value in headers
    ]


def _named(headers: list[tuple[bytes, bytes]], request_id: bytes) -> list[tuple[bytes, bytes]]:
    """Return the headers of a refusal with the id by which the log knows the request."""
    return [*((name, value) for name, value in headers if name.lower() != _REQUEST_ID), (_REQUEST_ID, request_id)]


def _clean(path: str) -> str:
    """Fold repeated slashes and drop a trailing one: never a redirect, which would turn a POST into a GET."""
    folded = _SLASHES.sub("/", path)
    return folded.rstrip("/") or "/"
