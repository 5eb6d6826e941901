"""Calls an ASGI application without a server in between, and takes its time."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message

Json: TypeAlias = Any  # whatever an answer holds


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply and what it took; `cpu_seconds` are those of the whole process."""

    status: int
    body: bytes
    seconds: float
    cpu_seconds: float


async def call(app: ASGIApp, method: str, path: str, body: bytes = b"", headers: Iterable[tuple[str, str]] = ()) -> Answer:
    """Return the reply to a request."""
    parts = urlsplit(path)
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": parts.path,
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8080),
    }
    given: list[Message] = [{"type": "http.request", "body": body, "more_body": False}, {"type": "http.disconnect"}]
    sent: list[Message] = []

    async def receive() -> Message:
        return given.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    started, started_cpu = time.perf_counter(), time.process_time()
    await app(scope, receive, send)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - started_cpu
    text = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(int(sent[0]["status"]), text, seconds, cpu_seconds)
