"""Keeps requests and replies within what an entry point can carry, and says what to do instead of failing in its gateway.

A reply that is too large for the gateway reaches the client as the gateway's own words, without the `code` that the command
line decides by. A stored document can be fetched from its store instead; everything else is a 413.
"""

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
# The key of a reply's first message under which it brings a way to store its body and serve it by a link.
STORE = "stackhold.store"


@dataclass(frozen=True, slots=True)
class Carrier:
    """What an entry point can carry: its name for people, its limit, and how many bytes it makes of a body."""

    name: str
    limit_bytes: int
    carried_bytes: Callable[[bytes], int]


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
    """A reply that is made while it is sent; where an entry point cannot carry it, its whole body is stored and linked to."""

    def __init__(
        self, content: Iterable[str], headers: dict[str, str], media_type: str, store: Callable[[bytes], str | None]
    ) -> None:
        """Keep the way to store the body, which returns a link; it is used only where the reply is too large."""
        super().__init__(content, headers=headers, media_type=media_type)
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the reply, its first message with the way to store the body."""

        async def mark(message: Message) -> None:
            await send({**message, STORE: self._store} if message["type"] == "http.response.start" else message)

        await super().__call__(scope, receive, mark)


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

        await self._app(scope, receive, bounded)

    async def _finish(self, start: Message, body: bytes, channel: tuple[Scope, Receive, Send]) -> None:
        scope, _, send = channel
        link, store = start.pop(LINK, None), start.pop(STORE, None)
        if store is not None:
            link = partial(store, body)
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


def refusal(carrier: Carrier, what: str) -> Response:
    """Return the reply to a request that is larger than the entry point should take."""
    return error_response(
        TooLarge(
            f"the request is larger than {what}, the most that {carrier.name} takes. "
            "Use a server (`stackhold serve`) on the same database and stores for this stack, or divide the stack"
        )
    )
