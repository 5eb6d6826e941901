"""The request that the code at hand works for: its id, and the id of its trace, as log lines and errors name them."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Request:
    """A request, or a run of a job."""

    id: str
    trace_id: str = ""
    span_id: str = ""


_CURRENT: ContextVar[Request | None] = ContextVar("request", default=None)


def current() -> Request | None:
    """Return the request that this thread or task works for, or None."""
    return _CURRENT.get()


@contextmanager
def working_for(request: Request) -> Iterator[Request]:
    """Let everything inside work for a request."""
    token = _CURRENT.set(request)
    try:
        yield request
    finally:
        _CURRENT.reset(token)
