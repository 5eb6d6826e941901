"""Keeps requests and replies within what an entry point can carry, and says what to do instead of failing in its gateway.

A reply that is too large for the gateway reaches the client as the gateway's own words, without the `code` that the command
line decides by. A stored document can be fetched from its store instead; everything else is a 413.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.core.errors import TooLarge
from functions.http.errors import error_response
from functions.http.middleware import accepts_gzip

# The key of a reply's first message under which it brings a way to fetch the same document elsewhere.
LINK = "stackhold.link"
# The key of a request's scope under which it has what its entry point can carry.
CARRIER = "stackhold.carrier"
# A reply that is made while it is sent is made within a request up to this size, where an entry point limits replies.
MADE_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Carrier:
    """What an entry point can carry: its name for people, its limit, and how many bytes it makes of a body.

    A reply that is made while it is sent may take `making_seconds`.
    """

    name: str
    limit_bytes: int
    carried_bytes: Callable[[bytes], int]
    making_seconds: float = 8.0


class LinkedResponse(Response):
    """A reply of a stored document that says where else it can be had, for entry points that cannot carry it."""

    def __init__(self, content: bytes, headers: dict[str, str], media_type: str, link: Callable[[], str | None]) -> None:
        """Keep the way to a link; it is asked for only where the reply is too large."""
        super().__init__(content, headers=headers, media_type=media_type)
        self._link = link

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the reply, its first message with the way to a link."""

        async def mark(message: Message) -> None:
            await send({**message, LINK: self._link} if message["type"] == "http.response.start" else message)

        await super().__call__(scope, receive, mark)


class StoredStream(StreamingResponse):
    """A reply that is made while it is sent.

    Where an entry point limits replies it is made before it is sent. If the entry point cannot carry it, its whole body is
    stored and linked to; if it takes too long to make, the client is sent to an address where it is made in parts.
    """

    def __init__(
        self,
        content: Iterable[str],
        headers: dict[str, str],
        media_type: str,
        store: Callable[[bytes], str | None],
        begin: Callable[[], str | None],
    ) -> None:
        """Keep the ways to store the body, which returns a link, and to begin to make it in parts, which returns an address."""
        super().__init__(content, headers=headers, media_type=media_type)
        self._content, self._media_type = content, media_type
        self._own_headers = headers
        self._store, self._begin = store, begin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the reply, or where it is made."""
        carrier: Carrier | None = scope.get(CARRIER)
        if carrier is None:
            await super().__call__(scope, receive, send)
            return
        body = await run_in_threadpool(self._make, carrier.making_seconds)
        if body is None:
            may_follow = accepts_gzip(scope) and scope["method"] in ("GET", "HEAD")
            address = await run_in_threadpool(self._begin) if may_follow else None
            await _sent_elsewhere(carrier, address)(scope, receive, send)
            return

        reply = LinkedResponse(body, self._own_headers, self._media_type, partial(self._store, body))
        await reply(scope, receive, send)

    def _make(self, seconds: float) -> bytes | None:
        """Return the body, or None if it takes longer or is very large."""
        parts, size, end = list[bytes](), 0, time.monotonic() + seconds
        for text in self._content:
            if parts and (size > MADE_BYTES or time.monotonic() >= end):
                return None
            parts.append(text.encode())
            size += len(parts[-1])
        return b"".join(parts)


class Bounded:
    """The layer between an entry point and the application."""

    def __init__(self, app: ASGIApp, carrier: Carrier) -> None:
        """Wrap an application."""
        self._app = app
        self._carrier = carrier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; the reply is held back until all of it is there."""
        start: Message = {}
        parts: list[bytes] = []

        async def bounded(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                await self._finish(start, b"".join(parts), (scope, receive, send))

        await self._app({**scope, CARRIER: self._carrier}, receive, bounded)

    async def _finish(self, start: Message, body: bytes, channel: tuple[Scope, Receive, Send]) -> None:
        scope, _, send = channel
        link = start.pop(LINK, None)
        size = self._carrier.carried_bytes(body)
        if size > self._carrier.limit_bytes:
            replacement = await self._replacement(scope, size, link)
            await replacement(*channel)
            return
        await send(start)
        await send({"type": "http.response.body", "body": body})

    async def _replacement(self, scope: Scope, size: int, link: Callable[[], str | None] | None) -> Response:
        has_gzip = accepts_gzip(scope)
        # The store sends gzip to every client, so a client that cannot read it must not be sent there.
        address = await run_in_threadpool(link) if link and has_gzip and scope["method"] in ("GET", "HEAD") else None
        if address:
            return RedirectResponse(address, 302, {"Cache-Control": "no-store"})
        advice = "" if has_gzip else "Send `Accept-Encoding: gzip`, or "
        rest = "ask for less, or use a server (`stackhold serve`) on the same database and stores, which has no such limit"
        return error_response(
            TooLarge(
                f"the reply takes {size:,} bytes and {self._carrier.name} carries {self._carrier.limit_bytes:,}. "
                + (advice + rest if advice else rest.capitalize())
            )
        )


def _sent_elsewhere(carrier: Carrier, address: str | None) -> Response:
    if address is not None:
        return RedirectResponse(address, 302, {"Cache-Control": "no-store"})
    return error_response(
        TooLarge(
            f"the reply is larger than {carrier.name} can make at once. Send `Accept-Encoding: gzip`, ask for less, or use a "
            "server (`stackhold serve`) on the same database and stores, which has no such limit"
        )
    )


def refusal(carrier: Carrier, what: str) -> Response:
    """Return the reply to a request that is larger than the entry point should take."""
    return error_response(
        TooLarge(
            f"the request is larger than {what}, the most that {carrier.name} takes. "
            "Use a server (`stackhold serve`) on the same database and stores for this stack, or divide the stack"
        )
    )
