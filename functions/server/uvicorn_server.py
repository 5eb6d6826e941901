"""One server process: uvicorn over a socket that is bound already, and the ticker of the background jobs beside it."""

import asyncio
import gc
import logging
import signal
import socket
import ssl
import threading
from functools import partial
from types import FrameType
from typing import cast

import uvicorn

from common.backend import Backend
from functions.http.app import create_loaded_app
from functions.server.connections import connections_for
from functions.server.http_protocol import Protocol
from functions.server.listener import BACKLOG, tls_context
from functions.server.loopback import Nearby
from functions.server.malloc import return_large_blocks
from functions.server.mode import mode_of
from functions.server.supervisor import GRACE_SECONDS
from functions.server.ticker import Ticker

LOG = logging.getLogger("stackhold.server")

# The collector looks at young objects only after so many; its default of 700 is reached several times in one request.
GARBAGE_THRESHOLDS = (20_000, 20, 20)


class Server(uvicorn.Server):
    """Uvicorn's server, set up for a process of ours."""

    def __init__(self, config: uvicorn.Config, news: str) -> None:
        """Take what the log says once requests are answered."""
        super().__init__(config)
        self._news = news

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept; what has been loaded by now stays, so the collector need not look at it again."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        LOG.info("%s", self._news)


def serve(backend: Backend, listener: socket.socket, *, news: str, console: socket.socket | None = None) -> None:
    """Serve requests, and run jobs if the mode says so, until a signal asks to end; raises StartUpError.

    `console` is a second listener, for links of the command line.
    """
    return_large_blocks()
    backend.start_telemetry()
    server = Server(_config(backend), news)
    # A signal ends the process cleanly from here on. Uvicorn takes the handlers over while it runs and raises the
    # signal again afterwards, which would otherwise turn a clean end into a death by signal.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, server.handle_exit)
    with Ticker(backend, enabled=mode_of(backend.settings).runs_jobs):
        server.run(sockets=[listener] if console is None else [listener, console])


def run_jobs_only(backend: Backend) -> None:
    """Run jobs until a signal asks to end."""
    backend.start_telemetry(keeps_counts=False)
    asked_to_end = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        asked_to_end.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    with Ticker(backend, enabled=True):
        asked_to_end.wait()


def _config(backend: Backend) -> uvicorn.Config:
    settings = backend.settings
    context = tls_context(settings)
    protocol = partial(
        Protocol,
        open_connections=connections_for(settings),
        head_seconds=settings.header_timeout_seconds,
    )

    def given_context(_config: uvicorn.Config, _default: object) -> ssl.SSLContext:
        assert context is not None  # noqa: S101 - asked for only when there is one
        return context

    return uvicorn.Config(
        Nearby(create_loaded_app(backend)),
        http=cast("type[asyncio.Protocol]", protocol),  # uvicorn calls it, whatever it is
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=settings.trusted_proxies,
        workers=1,
        backlog=BACKLOG,
        # Longer by default than clients (Go: 90 seconds) and most balancers (60) keep an idle connection, so that they close it
        # and never write into one that the server is closing: they do not repeat a POST.
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ssl_context_factory=given_context if context else None,
    )
