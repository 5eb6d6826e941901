"""Builds the application: the edge, a dispatcher over the groups' routers, and the rendering of errors.

Start-up pays for no group: building FastAPI's validators for hundreds of routes takes two thirds of a second and
matching them one after another a millisecond a call, so each group is an application of its own, made on its first call.
"""

from importlib import import_module
from threading import Lock
from typing import Any

import anyio.to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from common.access import service as access
from common.backend import Backend
from common.errors import BackendError, BadRequest, MethodNotAllowed, NotFound
from functions.api import GROUPS, Group
from functions.errors import backend_error, error_response, unexpected_error
from functions.middleware import Edge

NOT_FOUND, NOT_ALLOWED = 404, 405


def create_app(backend: Backend) -> ASGIApp:
    """Return the ASGI application that serves every group of the API with this backend."""
    return Edge(Dispatcher(backend))


class Dispatcher:
    """Finds the group of an address and hands the request to its application."""

    def __init__(self, backend: Backend) -> None:
        """Read the patterns; import nothing."""
        self._backend = backend
        self._apps: dict[str, FastAPI] = {}
        self._lock = Lock()
        self._patterns = [(tuple(pattern.split("/")), group) for group in GROUPS for pattern in group.patterns]
        self._limited = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or take part in the server's lifespan."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        self._limit_threads()
        group = self.find(scope["path"])
        if group is None:
            response = await _unserved(Request(scope, receive), self._backend, NotFound(f"{scope['path'][:200]} is not served"))
            await response(scope, receive, send)
            return
        app = self._apps.get(group.module)
        if app is None:
            app = await run_in_threadpool(self.load, group)
        await app(scope, receive, send)

    def find(self, path: str) -> Group | None:
        """Return the group that serves a path."""
        segments = path.split("/")
        return next((group for pattern, group in self._patterns if _matches(pattern, segments)), None)

    def load(self, group: Group) -> FastAPI:
        """Return the group's application, built on the first call."""
        with self._lock:
            if group.module not in self._apps:
                self._apps[group.module] = _build(group, self._backend)
            return self._apps[group.module]

    def _limit_threads(self) -> None:
        # Handlers run in threads; each may hold one database connection, so both have the same limit.
        if not self._limited:
            anyio.to_thread.current_default_thread_limiter().total_tokens = self._backend.settings.integer("STACKHOLD_THREADS")
            self._limited = True


def _build(group: Group, backend: Backend) -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.backend = backend
    app.include_router(import_module(f"functions.api.{group.module}").router)
    app.add_exception_handler(BackendError, backend_error)
    app.add_exception_handler(Exception, unexpected_error)
    app.add_exception_handler(RequestValidationError, _bad_parameters)
    app.add_exception_handler(HTTPException, _unrouted)
    return app


async def _bad_parameters(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - FastAPI calls this for no other class
    found = "; ".join(f"{'.'.join(str(part) for part in item['loc'][1:])}: {item['msg']}" for item in error.errors())
    return error_response(BadRequest(found))


async def _unrouted(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", NOT_FOUND)
    if status == NOT_ALLOWED:
        refusal: BackendError = MethodNotAllowed(f"{request.method} is not served at this address")
    elif status == NOT_FOUND:
        refusal = NotFound(f"{request.url.path[:200]} is not served")
    else:
        refusal = BadRequest(str(getattr(error, "detail", "")))
    return await _unserved(request, request.app.state.backend, refusal)


async def _unserved(request: Request, backend: Backend, refusal: BackendError) -> Response:
    """Tell only those who are signed in what is not served: bad credentials come before "not found"."""
    if request.url.path.startswith("/api/"):
        try:
            await run_in_threadpool(access.authenticate, backend, request.headers.get("authorization", ""))
        except BackendError as error:
            return error_response(error)
    return error_response(refusal)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message: Any = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _matches(pattern: tuple[str, ...], segments: list[str]) -> bool:
    if pattern[-1] == "**":
        return len(segments) >= len(pattern) - 1 and _same(pattern[:-1], segments)
    return len(segments) == len(pattern) and _same(pattern, segments)


def _same(pattern: tuple[str, ...], segments: list[str]) -> bool:
    return all(wanted in ("*", segment) for wanted, segment in zip(pattern, segments, strict=False))
