"""One command line on one connection: it repeats what failed for a while, then gives up."""

import gzip
import http.client
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

REPLY_SECONDS = 30
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.5
_TOO_MANY, _SERVER_ERROR = 429, 500


class GaveUpError(Exception):
    """No answer within the client's patience; the write may have arrived."""


class RefusedError(Exception):
    """The server refused a request with a status below 500: the write did not take place."""

    def __init__(self, status: int, text: str) -> None:
        """Keep the answer."""
        super().__init__(f"{status} {text[:300]}")
        self.status = status


@dataclass
class Tally:
    """The requests of all clients by outcome."""

    counts: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, name: str, error: str = "") -> None:
        """Count one."""
        with self._lock:
            self.counts[name] += 1
            if error:
                self.errors[error] += 1


class Client:
    """Speaks to whichever of the servers answers."""

    def __init__(self, urls: list[str], token: str, tally: Tally, patience_seconds: float) -> None:
        """Open no connection yet."""
        self._urls, self._token, self._tally = urls, token, tally
        self._patience_seconds = patience_seconds
        self._turn = 0
        self._connection: http.client.HTTPConnection | None = None

    def call(self, method: str, path: str, body: Any = None, *, lease: str = "", sends_once: bool = False) -> bytes:
        """Return the body of the answer; raises RefusedError or GaveUpError."""
        content = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        deadline, pause = time.monotonic() + (0 if sends_once else self._patience_seconds), _FIRST_PAUSE
        while True:
            try:
                status, text = self._send(method, path, content, lease)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                problem = type(error).__name__
            else:
                if status < _SERVER_ERROR and status != _TOO_MANY:
                    self._tally.add("answered")
                    if status >= http.client.MULTIPLE_CHOICES:
                        raise RefusedError(status, text.decode(errors="replace"))
                    return text
                problem = f"{status} {_shortened(text)}"
            self._tally.add("failed", problem)
            if time.monotonic() + pause > deadline:
                raise GaveUpError(f"{method} {path}: {problem}")
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def close(self) -> None:
        """Close the connection; the next call goes to the next server."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._turn += 1

    def _send(self, method: str, path: str, content: bytes | None, lease: str) -> tuple[int, bytes]:
        if self._connection is None:
            parts = urlsplit(self._urls[self._turn % len(self._urls)])
            self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=REPLY_SECONDS)
        headers = {
            "Accept": "application/vnd.pulumi+9",
            "Content-Type": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": "pulumi-cli/1 (v3.276.0; linux; cmd=up)",
            "Authorization": f"update-token {lease}" if lease else f"token {self._token}",
        }
        if content is not None and lease:
            content, headers["Content-Encoding"] = gzip.compress(content, 1), "gzip"
        self._connection.request(method, path, content, headers)
        reply = self._connection.getresponse()
        text = reply.read()
        return reply.status, gzip.decompress(text) if reply.getheader("Content-Encoding") == "gzip" else text


def _shortened(text: bytes) -> str:
    try:
        message = str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        message = text.decode(errors="replace")
    words = message.split()
    return " ".join(word for word in words if "/" not in word and not any(map(str.isdigit, word)))[:90]
