"""A receiver of webhooks on loopback, which tests let misbehave."""

import contextlib
import json
import socket
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Received:
    """A request; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers["pulumi-webhook-id"]

    @property
    def kind(self) -> str:
        return self.headers["pulumi-webhook-kind"]


class WebhookReceiver:
    """Serves while its `with` block lasts. It answers with `status`, after `delay_seconds`; with `drops` it closes instead."""

    def __init__(self) -> None:
        self.status, self.body, self.delay_seconds, self.drops = 200, b"OK", 0.0, False
        self.headers: dict[str, str] = {}
        self.received: list[Received] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self) -> list[Received]:
        """Return what was received, and forget it."""
        taken, self.received = self.received, []
        return taken

    def wait(self, number: int, seconds: float = 10.0) -> list[Received]:
        """Return what was received, once it is so many requests."""
        end = time.monotonic() + seconds
        while len(self.received) < number and time.monotonic() < end:
            time.sleep(0.02)
        return list(self.received)


def _handler(receiver: WebhookReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.append(Received(self.path, headers, body))
            time.sleep(receiver.delay_seconds)
            if receiver.drops:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(receiver.body)))
            self.end_headers()
            self.wfile.write(receiver.body)

        def log_message(self, *_: object) -> None:
            pass

        def handle(self) -> None:
            with contextlib.suppress(OSError):
                super().handle()

    return Handler
