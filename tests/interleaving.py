"""Lets something else happen at one exact moment of a use case: just before a statement is sent."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import event

from common.backend import Backend

# Databases mark parameters differently.
_PARAMETER = re.compile(r"%(?:\(\w+\))?s")


class Crash(BaseException):
    """The process died here; nothing that handles errors sees it. Not for calls by HTTP: it would end the client's event loop."""


@contextmanager
def interleaved(backend: Backend, before: str, other: Callable[[], object], *, times: int = 1) -> Iterator[None]:
    """Call `other` before each of the first statements that begin with a text; fails if there were fewer.

    Statements that `other` sends itself do not count; a parameter is `?` on every database.
    """
    left, inside = times, False

    def meanwhile(_connection: object, _cursor: object, text: str, *_rest: object) -> None:
        nonlocal left, inside
        if left and not inside and _PARAMETER.sub("?", text).startswith(before):
            left -= 1
            inside = True
            try:
                other()
            finally:
                inside = False

    event.listen(backend.db.engine, "before_cursor_execute", meanwhile)
    try:
        yield
    finally:
        event.remove(backend.db.engine, "before_cursor_execute", meanwhile)
    assert not left, f"{left} statements too few began with {before!r}"


def crash() -> None:
    """Dies."""
    raise Crash


def fail() -> None:
    """End a request the way a crash does, and leave the application that serves it alive."""
    raise RuntimeError("the request ends here")


def failing(error: Exception) -> Callable[[], None]:
    """Return what raises an error, to be put before a statement."""

    def call() -> None:
        raise error

    return call
