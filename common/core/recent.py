"""A value that is costly to make, kept for some seconds by the process that made it. It is never the truth."""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from common.core.clock import Clock


class Recent:
    """Keeps one value, and lets one thread at a time make it."""

    __slots__ = ("_lock", "_made_at", "_value")

    def __init__(self) -> None:
        """Begin without a value."""
        self._lock = Lock()
        self._made_at: datetime | None = None
        self._value: Any = None

    def get(self, make: Callable[[], Any], clock: Clock, seconds: float) -> Any:  # noqa: ANN401 - the owner knows the type
        """Return the value, made anew if it is older than that; a failure is not kept."""
        with self._lock:
            now = clock.now()
            if self._made_at is None or not timedelta(0) <= now - self._made_at < timedelta(seconds=seconds):
                self._value, self._made_at = make(), clock.now()
            return self._value
