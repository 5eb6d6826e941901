"""Limits the memory that large bodies take at the same time, over all requests of a process.

A few kilobytes inflate to hundreds of megabytes, and every member may import into a stack of their own: the limit of one body
alone would leave room for as many of them as there are threads. One organization gets half of the memory, so that its
uploads leave room for those of others.
"""

from collections import defaultdict
from threading import Lock

from starlette.types import Scope

from common.core.errors import Unavailable

# The key of a request's reservation in its scope. The edge releases it.
RESERVED = "stackhold.reserved"
# Bytes on the wire are counted in such steps. The first one is free, so that most requests reserve nothing. Any number of
# clients may send at the same time, while no more bodies are inflated than there are threads.
STEP_BYTES = 1 << 20
# The part of the limit that one owner may reserve with several requests.
SHARE = 0.5


class Reserve:
    """The bytes that all requests of this process have reserved, by owner and request."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lock = Lock()
        self._bytes = 0
        self._owners: dict[str, dict[object, int]] = defaultdict(dict)

    def take(self, count: int, limit: int, *, owner: str, request: object) -> bool:
        """Reserve some bytes, or return False where too few are left, for all or for this owner.

        The only request of the process gets what it needs, and the first one of an owner is not limited to the owner's share.
        """
        with self._lock:
            if self._bytes and self._bytes + count > limit:
                return False
            requests = self._owners.get(owner, {})
            is_first = not requests or next(iter(requests)) is request
            if not is_first and sum(requests.values()) + count > limit * SHARE:
                return False
            self._bytes += count
            self._owners[owner][request] = requests.get(request, 0) + count
            return True

    def release(self, *, owner: str, request: object) -> None:
        """Release what a request has reserved."""
        with self._lock:
            requests = self._owners.get(owner, {})
            self._bytes -= requests.pop(request, 0)
            if not requests:
                self._owners.pop(owner, None)


PROCESS = Reserve()


class Reserved:
    """What one request has reserved, in the name of its owner."""

    __slots__ = ("_has_some", "_owner")

    def __init__(self, owner: str = "") -> None:
        """Begin with nothing."""
        self._owner = owner
        self._has_some = False

    def take(self, count: int, limit: int) -> None:
        """Reserve some bytes; raises Unavailable where other requests have them."""
        if not PROCESS.take(count, limit, owner=self._owner, request=self):
            raise Unavailable("the server is working on other requests as large as this one; try again in a moment")
        self._has_some = True

    def release(self) -> None:
        """Release all of it."""
        if self._has_some:
            PROCESS.release(owner=self._owner, request=self)
            self._has_some = False


def owner_of(scope: Scope) -> str:
    """Return who a request reserves memory for: the organization in its path, or else the caller's credentials."""
    parts = scope["path"].split("/")
    if len(parts) > 3 and parts[1] == "api" and parts[2] in ("stacks", "orgs"):
        return f"organization {parts[3].lower()}"
    return f"caller {hash(next((value for name, value in scope['headers'] if name == b'authorization'), b''))}"
