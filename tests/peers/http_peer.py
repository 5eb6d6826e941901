"""A server on loopback that tests let misbehave: what it serves is a table of functions."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class PeerRequest:
    """A request."""

    method: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class PeerReply:
    """A reply; `drip_seconds` passes before its first byte."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drip_seconds: float = 0

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Peer:
    """Serves while its `with` block lasts. `replies` stand in for what it would say: (method, path) → reply."""

    def __init__(self) -> None:
        self.replies: dict[tuple[str, str], PeerReply] = {}
        self.asked: list[PeerRequest] = []
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        self._server: ThreadingHTTPServer | None = server
        self.url = f"http://127.0.0.1:{server.server_port}"

    def __enter__(self) -> Self:
        # A short interval, so that ending it takes no half second.
        assert self._server is not None
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        if self._server is not None:
            self.stop()

    def stop(self) -> None:
        """Goes away."""
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()
        self._server = None

    def routes(self) -> dict[tuple[str, str], Callable[[PeerRequest], PeerReply]]:
        """What is served."""
        raise NotImplementedError

    def answer(self, asked: PeerRequest) -> PeerReply:
        """Answers a request."""
        self.asked.append(asked)
        where = (asked.method, asked.path)
        if where in self.replies:
            return self.replies[where]
        found = self.routes().get(where)
        return found(asked) if found is not None else PeerReply({"error": "not found"}, 404)

    def times(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(one.path == path for one in self.asked)


def _handler(peer: Peer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            self._serve(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

        def _serve(self, body: bytes) -> None:
            parts = urlsplit(self.path)
            said = peer.answer(
                PeerRequest(self.command, parts.path, _flat(parts.query), _flat(body.decode()), dict(self.headers), body)
            )
            time.sleep(said.drip_seconds)
            self.send_response(said.status)
            for name, value in {"Content-Type": "application/json", **said.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.content)))
            self.end_headers()
            self.wfile.write(said.content)

        def log_message(self, *_: object) -> None:
            pass

        def handle(self) -> None:
            # The client may not wait for the end, and should not if it is too long.
            with suppress(ConnectionError):
                super().handle()

    return Handler


def _flat(text: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}
