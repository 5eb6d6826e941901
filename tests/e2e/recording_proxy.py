"""Stands between the CLI and a server, and notes what the server has promised to keep.

A 2xx answer to a journal batch or a checkpoint is such a promise. The proxy adds nothing of its own: when the server dies
the client sees a broken connection, as it would without a proxy.
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

UPSTREAM_LIMIT_SECONDS = 60.0
HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "host"})
SAVING = re.compile(r"/update/(?P<update>[^/]+)/(?P<call>journalentries|checkpoint)$")
JOURNAL_BEGIN, JOURNAL_SUCCESS = 0, 1


@dataclass(slots=True)
class Promises:
    """What 2xx answers have confirmed for one update."""

    created: set[str] = field(default_factory=set)
    begun: set[str] = field(default_factory=set)

    def note(self, call: str, body: Any) -> None:
        """Add the promise of one answered request."""
        if call == "journalentries":
            self._note_journal(body.get("entries") or [])
        else:
            self._note_checkpoint(body["deployment"])

    def _note_journal(self, entries: list[Any]) -> None:
        for entry in entries:
            if entry["kind"] == JOURNAL_BEGIN and (entry.get("operation") or {}).get("type") == "creating":
                self.begun.add(entry["operation"]["resource"]["urn"])
            if entry["kind"] == JOURNAL_SUCCESS and entry.get("state"):
                self.created.add(entry["state"]["urn"])

    def _note_checkpoint(self, deployment: Any) -> None:
        self.created = {resource["urn"] for resource in deployment.get("resources") or []}
        self.begun = {operation["resource"]["urn"] for operation in deployment.get("pending_operations") or []}


class RecordingProxy:
    """A proxy on a free port of this machine; `requests` counts all requests that have arrived."""

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream)
        self.promises: dict[str, Promises] = {}
        self.requests = 0
        # How often each call was made, by the last segment of its path.
        self.calls: Counter[str] = Counter()
        # How often each call was answered with each status.
        self.statuses: Counter[tuple[str, int]] = Counter()
        self._on_request: Callable[[int], None] | None = None
        self._lock = threading.Lock()
        self._listener = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._listener.daemon_threads = True
        self._thread = threading.Thread(target=self._listener.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where the client connects to."""
        return f"http://127.0.0.1:{self._listener.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join()

    def begin(self, on_request: Callable[[int], None] | None = None) -> None:
        """Forgets what was noted; `on_request` is then told the number of every request that arrives."""
        with self._lock:
            self.promises, self.requests, self.calls, self._on_request = {}, 0, Counter(), on_request

    def connect(self) -> http.client.HTTPConnection:
        """A connection to the server."""
        kind = http.client.HTTPSConnection if self._upstream.scheme == "https" else http.client.HTTPConnection
        return kind(self._upstream.netloc, timeout=UPSTREAM_LIMIT_SECONDS)

    def arrived(self, path: str) -> None:
        """Count a request."""
        with self._lock:
            self.requests += 1
            self.calls[path.partition("?")[0].rpartition("/")[2]] += 1
            number, on_request = self.requests, self._on_request
        if on_request:
            on_request(number)

    def answered(self, path: str, status: int, body: bytes, encoding: str | None) -> None:
        """Note the promise in an answer, if there is one."""
        with self._lock:
            self.statuses[path.partition("?")[0].rpartition("/")[2], status] += 1
        match = SAVING.search(path.partition("?")[0])
        if match is None or not 200 <= status < 300:
            return
        document = json.loads(gzip.decompress(body) if encoding == "gzip" else body)
        with self._lock:
            self.promises.setdefault(match["update"], Promises()).note(match["call"], document)


def _handler(proxy: RecordingProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            proxy.arrived(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            connection = proxy.connect()
            try:
                connection.request(self.command, self.path, body, headers)
                reply = connection.getresponse()
                content = reply.read()
            except (OSError, http.client.HTTPException):
                self.close_connection = True
                return
            finally:
                connection.close()
            proxy.answered(self.path, reply.status, body, self.headers.get("Content-Encoding"))
            # A command that ends does not wait for the answers to what it asked in the background.
            with contextlib.suppress(ConnectionError):
                self.answer(reply, content)

        def answer(self, reply: http.client.HTTPResponse, content: bytes) -> None:
            self.send_response_only(reply.status)
            for name, value in reply.getheaders():
                if name.lower() not in HOP_BY_HOP | {"content-length"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            """The CLI's requests are of no interest by themselves."""

        do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = forward  # noqa: N815 - names of the base class

    return Handler
