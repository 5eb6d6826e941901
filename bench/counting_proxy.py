"""Stands between a client and a server and counts requests and the bytes of their bodies. Not for timing."""

import asyncio
import threading
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httptools
import uvloop

_CHUNK_BYTES = 1 << 18
_START_SECONDS = 10.0


@dataclass
class Traffic:
    """What came from clients since the last `take`."""

    requests: int = 0
    body_bytes: int = 0
    calls: Counter[str] = field(default_factory=Counter)


class CountingProxy:
    """A proxy on a port of its own, in a thread of its own, while its `with` block lasts."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._upstream = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._traffic = Traffic()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: uvloop.run(self._serve()), daemon=True)
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(_START_SECONDS):
            raise RuntimeError("the counting proxy did not start")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(_START_SECONDS)

    def take(self) -> Traffic:
        """Return the traffic so far and begins again."""
        taken, self._traffic = self._traffic, Traffic()
        return taken

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._end.wait()
        server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(*self._upstream)
        parser = httptools.HttpRequestParser(_Watch(self))
        await asyncio.gather(_pump(reader, up_writer, parser), _pump(up_reader, writer, None), return_exceptions=True)

    def count(self, path: str, body_bytes: int) -> None:
        """Add a request."""
        self._traffic.requests += 1
        self._traffic.body_bytes += body_bytes
        self._traffic.calls[kind_of(path)] += 1


class _Watch:
    """The callbacks of a parser that reads along."""

    def __init__(self, proxy: CountingProxy) -> None:
        self._proxy = proxy
        self._path, self._body_bytes = "", 0

    def on_url(self, url: bytes) -> None:
        self._path = url.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)

    def on_message_complete(self) -> None:
        self._proxy.count(self._path, self._body_bytes)
        self._path, self._body_bytes = "", 0


def kind_of(path: str) -> str:
    """Return what a path asks for: its last words, without names and identifiers."""
    parts = urlsplit(path).path.split("/")
    if parts[:3] != ["", "api", "stacks"]:
        return "/".join(parts[2:])
    call = parts[6:]
    if not call:
        return "stack" if len(parts) > 5 else "create stack"
    if len(call) >= 2 and call[0] in ("update", "preview", "refresh", "destroy"):
        return "/".join(call[2:]) or "start"
    return "/".join(call)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, parser: httptools.HttpRequestParser | None) -> None:
    try:
        while data := await reader.read(_CHUNK_BYTES):
            if parser is not None:
                parser.feed_data(data)
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
