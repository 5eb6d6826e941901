"""Marks the requests of clients on this machine, to whom bytes cost next to nothing.

A proxy beside the server usually says for whom it asks, and its requests are not marked. What no one can tell apart is the
end of a tunnel; so nothing that a mark changes may cost a distant client much.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from functions.http.middleware import NEAR

_LOOPBACK = {"127.0.0.1", "::1"}
_FORWARDED = {b"forwarded", b"via", b"x-forwarded-for"}


class Nearby:
    """A layer around the application of the long-running server."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap the application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or take part in the server's lifespan."""
        await self._app({**scope, NEAR: True} if _is_near(scope) else scope, receive, send)


def _is_near(scope: Scope) -> bool:
    host = (scope.get("client") or ("",))[0]
    return host in _LOOPBACK and not any(name in _FORWARDED for name, _ in scope["headers"])
