"""How much of the memory large bodies may take at the same time, of all requests of a process together.

Everybody may import into a stack of their own, and a few kilobytes inflate to hundreds of megabytes: the limit of one body
alone would leave room for as many of them as there are threads.
"""

from threading import Lock

from common.core.errors import Unavailable

# In the scope of a request: what it has taken. The edge gives it back.
RESERVED = "stackhold.reserved"
# What comes over the wire is counted in such steps; the first one is free, so that most requests take nothing. Any number of
# clients may send at the same time, while no more bodies are inflated than there are threads.
STEP_BYTES = 1 << 20


class Reserve:
    """What is taken by all requests of this process."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lock = Lock()
        self._bytes = 0

    def take(self, count: int, limit: int) -> bool:
        """Take some bytes, or return False where less is left. Whoever is alone may always have what they ask for."""
        with self._lock:
            if self._bytes and self._bytes + count > limit:
                return False
            self._bytes += count
            return True

    def give_back(self, count: int) -> None:
        """Give bytes back."""
        with self._lock:
            self._bytes -= count


PROCESS = Reserve()


class Reserved:
    """What one request has taken."""

    __slots__ = ("_bytes",)

    def __init__(self) -> None:
        """Begin with nothing."""
        self._bytes = 0

    def take(self, count: int, limit: int) -> None:
        """Take some bytes; raises Unavailable where other requests have them."""
        if not PROCESS.take(count, limit):
            raise Unavailable("the server is working on other requests as large as this one; try again in a moment")
        self._bytes += count

    def give_back(self) -> None:
        """Give all of it back."""
        if self._bytes:
            PROCESS.give_back(self._bytes)
            self._bytes = 0
