"""Builds the application: the edge, a dispatcher over the groups' routers, and the rendering of errors.

Start-up pays for no group: building FastAPI's validators for hundreds of routes takes two thirds of a second and
matching them one after another a millisecond a call, so each group is an application of its own, made on its first call.
FastAPI itself is loaded with the first of them.
"""

import re
from threading import Lock
from typing import Any

import anyio.to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.backend import Backend
from common.config.public_urls import BASE_PATH, base_path
from common.core.errors import NotFound
from functions.http.groups import GROUPS, Group
from functions.http.middleware import Edge
from functions.http.not_served import unserved


def create_app(backend: Backend) -> ASGIApp:
    """Return the ASGI application that serves every group of the API with this backend."""
    return Edge(Dispatcher(backend), base_path(backend.settings), backend.telemetry)


def create_loaded_app(backend: Backend) -> ASGIApp:
    """Return the same application with every group built, for a process whose start costs nothing to those it will serve."""
    dispatcher = Dispatcher(backend)
    for group in GROUPS:
        dispatcher.load(group)
    return Edge(dispatcher, base_path(backend.settings), backend.telemetry)


class Dispatcher:
    """Finds the group of an address and hands the request to its application."""

    def __init__(self, backend: Backend) -> None:
        """Read the patterns; import nothing."""
        self._backend = backend
        self._apps: dict[str, ASGIApp] = {}
        self._lock = Lock()
        # One expression with a capturing group for each of GROUPS: alternatives are tried in order, so the first match counts.
        self._addresses = re.compile("|".join(_expression(group) for group in GROUPS), re.DOTALL)
        self._limited = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or take part in the server's lifespan."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        self._limit_threads()
        group = self.find(scope["path"], for_browser=takes_pages(scope))
        if group is None:
            response = await unserved(Request(scope, receive), self._backend, NotFound(_not_served(scope["path"])))
            await response(scope, receive, send)
            return
        app = await self._app_of(group)
        page = _STACK_PAGE.fullmatch(scope["path"]) if group.for_browsers else None
        if page is None:
            await app(scope, receive, send)
            return
        # An address of an environment, and of a page of a stack whose project is called `esc`: the environment comes first.
        is_there = scope["method"] in ("GET", "HEAD") and await _served(app, scope, receive, send)
        stacks = self.find(f"/-/-/-/{page[1]}", for_browser=True)
        if not is_there and stacks is not None:
            await (await self._app_of(stacks))(scope, receive, send)

    async def _app_of(self, group: Group) -> ASGIApp:
        app = self._apps.get(group.path)
        return app if app is not None else await run_in_threadpool(self.load, group)

    def find(self, path: str, *, for_browser: bool = False) -> Group | None:
        """Return the group that serves a path, to a browser or to any other client."""
        match = self._addresses.fullmatch(path)
        group = GROUPS[match.lastindex - 1] if match is not None and match.lastindex is not None else None
        return group if group is not None and (for_browser or not group.for_browsers) else None

    def load(self, group: Group) -> ASGIApp:
        """Return the group's application, built on the first call."""
        from functions.http.group_app import build  # noqa: PLC0415 - FastAPI takes longer to load than all the rest of a start

        with self._lock:
            if group.path not in self._apps:
                self._apps[group.path] = build(group, self._backend)
            return self._apps[group.path]

    def _limit_threads(self) -> None:
        # Handlers run in threads; each may hold one database connection, so both have the same limit.
        if not self._limited:
            anyio.to_thread.current_default_thread_limiter().total_tokens = self._backend.settings.threads
            self._limited = True


async def _served(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> bool:
    """Send the reply of an application, unless it is 404: then send nothing, and return False."""
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, keep)
    if messages and messages[0].get("status") == NOT_FOUND:
        return False
    for message in messages:
        await send(message)
    return True


def takes_pages(scope: Scope) -> bool:
    """Tell whether a browser opens an address or sends a form to it, and the address is not one of a program's."""
    is_opened = scope["method"] in ("GET", "HEAD")
    is_form = scope["method"] == "POST" and _has(scope, b"content-type", _FORM)
    return (is_opened or is_form) and not _OF_PROGRAMS.match(scope["path"]) and _has(scope, b"accept", b"text/html")


def _has(scope: Scope, header: bytes, part: bytes) -> bool:
    return any(name == header and part in value.lower() for name, value in scope["headers"])


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message: Any = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _not_served(path: str) -> str:
    """Return the words for an address that no group serves, with the cause where it is a path in front of the API."""
    prefix, _, rest = path.partition("/api/")
    advice = (
        f"; if a proxy or a gateway shows this server under {prefix[:60]}, set {BASE_PATH} to that" if prefix and rest else ""
    )
    return f"{path[:200]} is not served{advice}"


NOT_FOUND = 404
# Pages of a stack whose addresses are also those of environments of that name, if the project of the stack is called `esc`.
_STACK_PAGE = re.compile(
    "/[^/]+/esc/[^/]+/(activity|updates|previews|compare|repair|resources?|config|policies|access|webhooks|settings)", re.DOTALL
)
_FORM = b"application/x-www-form-urlencoded"
_OF_PROGRAMS = re.compile(r"/(?:api|scim|assets|\.well-known|favicon\.ico|robots\.txt)(?:/|$)")
# What the parts of a pattern match, with the slash before them.
_SEGMENTS = {"*": "/[^/]*", "**": "(?:/.*)?"}


def _expression(group: Group) -> str:
    segments = (pattern.split("/")[1:] for pattern in group.patterns)
    addresses = ("".join(_SEGMENTS.get(name, "/" + re.escape(name)) for name in names) for names in segments)
    return f"({'|'.join(addresses)})"
