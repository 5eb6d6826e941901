"""Calls that many threads want at the same moment and one makes for all."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import Any, TypeVar

_T = TypeVar("_T")


class Once:
    """Makes a call for all threads that ask for it while it runs; what comes after it is asked for anew."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self._lock = Lock()
        self._running: dict[object, Future[Any]] = {}

    def call(self, key: object, work: Callable[[], _T], *, wait_seconds: float | None = None) -> _T:
        """Return what `work` returns, or what it returns in the thread that runs it for this key already; errors likewise.

        Raises TimeoutError for a thread that has waited longer than it is to.
        """
        with self._lock:
            running = self._running.get(key)
            mine = Future[Any]()
            if running is None:
                self._running[key] = mine
        if running is not None:
            answer: _T = running.result(wait_seconds)
            return answer
        try:
            result = work()
        except BaseException as error:
            self._end(key)
            mine.set_exception(error)
            raise
        self._end(key)
        mine.set_result(result)
        return result

    def _end(self, key: object) -> None:
        with self._lock:
            del self._running[key]
