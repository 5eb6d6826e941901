"""The one deadline of an outgoing call, over name, connection, TLS and answer together.

It is known to the thread that makes the call, since connections are kept and used again by later calls.
"""

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpcore

_DEADLINE: ContextVar[float] = ContextVar("deadline")


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let what this thread does in the block end after so many seconds."""
    mark = _DEADLINE.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _DEADLINE.reset(mark)


def left(timeout: float | None, failure: type[Exception]) -> float | None:
    """Return how long a step may take: its own limit or what is left of the call; raises `failure` when nothing is."""
    deadline = _DEADLINE.get(None)
    if deadline is None:
        return timeout
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise failure("the call took too long")
    return seconds if timeout is None else min(timeout, seconds)


class TimedStream(httpcore.NetworkStream):
    """A connection each of whose steps ends with the call that it is used for."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        """Wrap a connection."""
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what there is."""
        return self._stream.read(max_bytes, left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it."""
        self._stream.write(buffer, left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Return the same connection with TLS over it."""
        return TimedStream(self._stream.start_tls(ssl_context, server_hostname, left(timeout, httpcore.ConnectTimeout)))

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as the library has it
        """Return the socket, the TLS object and the like."""
        return self._stream.get_extra_info(info)
