"""Measures and traces a request, with what only the routes know of it: the route, the stack, the update."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Protocol

from starlette.types import Scope

from common.telemetry.instruments import ACTIVE_REQUESTS, REQUESTS
from common.telemetry.requests import Request
from common.telemetry.telemetry import Telemetry

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER = "_OTHER"
# The parts of a path that say what a request is about → the attribute that has them.
_ABOUT = {
    "org": "stackhold.organization",
    "project": "stackhold.project",
    "stack": "stackhold.stack",
    "update_id": "stackhold.update.id",
    "environment": "stackhold.environment",
}
SERVER_ERROR = 500


class Served(Protocol):
    """What knows the status of a reply at its end."""

    status: int


@contextmanager
def observed(telemetry: Telemetry, scope: Scope, request: Request, reply: Served) -> Iterator[None]:
    """Measure and trace what happens inside, which is the answer to a request."""
    if not telemetry.is_on:
        yield
        return
    method = scope["method"] if scope["method"] in _METHODS else _OTHER
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"] if name in _CONTEXT}
    began = perf_counter()
    telemetry.record(ACTIVE_REQUESTS, 1, method)
    with telemetry.serving(method, headers, request) as span:
        try:
            yield
        finally:
            route, status = _route(scope), reply.status or SERVER_ERROR
            about = {_ABOUT[name]: str(value)[:255] for name, value in scope.get("path_params", {}).items() if name in _ABOUT}
            span.set(
                {
                    "http.request.method": method,
                    "http.response.status_code": status,
                    "url.scheme": scope.get("scheme", "http"),
                    "stackhold.request.id": request.id,
                    **({"http.route": route} if route else {}),
                    **about,
                }
            )
            if status >= SERVER_ERROR:
                span.fail(str(status))
            telemetry.record(ACTIVE_REQUESTS, -1, method)
            telemetry.record(REQUESTS, perf_counter() - began, method, route, str(status))


# W3C trace context, and what API Gateway adds.
_CONTEXT = frozenset({b"traceparent", b"tracestate", b"x-amzn-trace-id"})


def _route(scope: Scope) -> str:
    """Return the route as it is declared, or an empty text where none matched: an address may have anything in it."""
    return str(getattr(scope.get("route"), "path", ""))
