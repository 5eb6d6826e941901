"""HTTP/1.1 as uvicorn speaks it, with limits on what a client may leave unfinished, and refusals in the wire's own shape.

| a client that | is |
|---|---|
| sends a head too slowly, or none | let go after STACKHOLD_HEADER_TIMEOUT_SECONDS |
| sends no body for a while | answered 408 by the reader of the body (functions/http/bodies.py) |
| goes on sending a body after its reply | let go after the same time as a head |
| does not read its reply | let go after `write_idle_seconds` without progress |
| sends many requests without waiting | refused after PIPELINE_LIMIT |
| sends fields after a body, or no body between its chunks | refused after HEAD_LIMIT_BYTES |
"""

import asyncio
from typing import Any, cast

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from functions.http.errors import ErrorBody
from functions.server.connections import Connections

# Far above what clients send: tokens, a dozen headers, long addresses. Without it one header could fill the memory.
HEAD_LIMIT_BYTES = 64 << 10
PIPELINE_LIMIT = 16
BAD_REQUEST, TIMEOUT, UNAVAILABLE, HEAD_TOO_LARGE = 400, 408, 503, 431


class Protocol(HttpToolsProtocol):
    """One connection."""

    write_idle_seconds = 60.0
    # Bytes of an unfinished head that came so far; None between heads.
    _head_bytes: int | None = None
    # Whether a request's body is still to come, as far as its head says.
    _is_receiving = False
    _is_counted = False
    _timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None
    _unsent_bytes = 0
    # Bytes that came since the last part of a body: what stands between its chunks and after them.
    _framing_bytes = 0

    def __init__(self, *, open_connections: Connections, head_seconds: float, **of_uvicorn: Any) -> None:  # noqa: ANN401
        """Take the server's count of connections, beside what uvicorn hands over."""
        super().__init__(**of_uvicorn)
        self._open_connections = open_connections
        self._head_seconds = head_seconds

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection, unless there are too many."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._is_counted = self._open_connections.open(self._address)
        if self._is_counted:
            self._start_timer()
        else:
            self._refuse(UNAVAILABLE, "Service Unavailable: too many connections are open; try again later")

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_timer()
        self._stop_write_timer()
        if self._is_counted:
            self._is_counted = False
            self._open_connections.close(self._address)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came from the client; give up on a head that does not end."""
        if self.transport.is_closing():
            return
        self._framing_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._is_receiving and self._framing_bytes > HEAD_LIMIT_BYTES:
            self._end_framing()
            return
        if self._head_bytes is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_LIMIT_BYTES:
                self._refuse(HEAD_TOO_LARGE, f"Request Header Fields Too Large: the limit is {HEAD_LIMIT_BYTES:,} bytes")
        # What came has ended uvicorn's own wait for the next request, even if it was an empty line.
        if self._is_waiting and self._timer is None and self.timeout_keep_alive_task is None:
            self._start_timer()

    def on_message_begin(self) -> None:
        """Begin a head."""
        self._head_bytes = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of a head. Those after a body are dropped: they must not count as the request's own."""
        if not self._is_receiving:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self._framing_bytes = 0
        super().on_body(body)

    def on_headers_complete(self) -> None:
        """End a head; a fault here is answered with 400."""
        self._head_bytes, self._framing_bytes = None, 0
        self._is_receiving = True
        self._stop_timer()
        if len(self.pipeline) >= PIPELINE_LIMIT:
            raise ValueError("too many requests at once on one connection")
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End a request."""
        self._is_receiving = False
        self._stop_timer()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """End a reply; a client that still sends a body has a limited time to stop."""
        super().on_response_complete()
        if self._is_receiving and not self.transport.is_closing():
            self._start_timer()

    def pause_writing(self) -> None:
        """Begin to watch whether the client reads what waits for it."""
        super().pause_writing()
        self._watch_writing()

    def resume_writing(self) -> None:
        """End that: the client has read nearly all."""
        self._stop_write_timer()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP."""
        self._refuse(BAD_REQUEST, f"Bad Request: {msg}")

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else ""

    @property
    def _is_waiting(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first request
        return not self._is_receiving and (cycle is None or cycle.response_complete)

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(self._head_seconds, self._end_slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end_slow(self) -> None:
        if self.transport.is_closing():
            return
        if self._head_bytes is not None:
            self._refuse(TIMEOUT, f"Request Timeout: the request's head was not complete after {self._head_seconds:g} seconds")
        else:
            self.transport.close()

    def _end_framing(self) -> None:
        if self.cycle.response_started or self.pipeline:
            self.transport.close()
        else:
            self._refuse(
                HEAD_TOO_LARGE, f"Request Header Fields Too Large: {HEAD_LIMIT_BYTES:,} bytes are the limit, after a body too"
            )

    def _watch_writing(self) -> None:
        self._stop_write_timer()
        self._unsent_bytes = self.transport.get_write_buffer_size()
        self._write_timer = self.loop.call_later(self.write_idle_seconds, self._end_unread)

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _end_unread(self) -> None:
        if self.transport.get_write_buffer_size() >= self._unsent_bytes:
            self.transport.abort()
        else:
            self._watch_writing()

    def _refuse(self, status: int, message: str) -> None:
        body = msgspec.json.encode(ErrorBody(status, message))
        headers = f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(STATUS_LINE[status] + headers.encode() + body)
        self.transport.close()
