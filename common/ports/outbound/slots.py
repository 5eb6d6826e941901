"""How many outgoing calls there may be at once, so that hosts that do not answer leave threads for other calls."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from threading import Lock

from common.core.errors import Unavailable


class Purpose(StrEnum):
    """What a call is for: each purpose has places of its own, so one that is used up does not stop the others."""

    # Hosts of the operator's choice.
    PROVIDER = "sign-in providers"
    # Hosts that any account may name.
    ISSUER = "issuers"
    # The same, and they share the issuers' places.
    PING = "webhooks"
    # The same, while an environment is opened.
    ENVIRONMENT = "providers of environments"
    # The same, by the threads of jobs, which no request waits for.
    DELIVERY = "the organization's webhooks"
    # No call, but the wait for one that another process makes, or for a place.
    WAIT = "issuers' keys"


# Of a process's threads, in eighths: two are left when all of these are taken.
_EIGHTHS = {Purpose.PROVIDER: 3, Purpose.ISSUER: 2, Purpose.WAIT: 2}
# Two threads deliver messages of the outbox, each to eight targets at once.
DELIVERIES = 16
FOR_ONE_OWNER = 2
_SHARED = {Purpose.PING: Purpose.ISSUER, Purpose.ENVIRONMENT: Purpose.ISSUER}


class Slots:
    """Counts the calls under way; safe to share between threads."""

    def __init__(self, threads: int) -> None:
        """Take how many requests the process works on at once."""
        self._limits = {purpose: max(1, threads * eighths // 8) for purpose, eighths in _EIGHTHS.items()}
        self._limits[Purpose.DELIVERY] = DELIVERIES
        self._lock = Lock()
        self._taken: Counter[tuple[Purpose, str]] = Counter()

    @property
    def calls(self) -> int:
        """Return how many calls there may be at once, for all purposes; with as many connections none waits for another."""
        return sum(limit for purpose, limit in self._limits.items() if purpose is not Purpose.WAIT)

    def take(self, purpose: Purpose, owner: str = "") -> None:
        """Take a place, to be given back by `free`; raises Unavailable at once when all are taken.

        An owner, such as an organization, has fewer: one of them cannot take all.
        """
        pool = _SHARED.get(purpose, purpose)
        with self._lock:
            is_full = self._taken[pool, ""] >= self._limits[pool]
            is_greedy = owner != "" and self._taken[pool, owner] >= FOR_ONE_OWNER
            if is_full or is_greedy:
                raise Unavailable(f"too many calls to {purpose} are in progress; try again")
            for key in {"", owner}:
                self._taken[pool, key] += 1

    def free(self, purpose: Purpose, owner: str = "") -> None:
        """Give a place back."""
        pool = _SHARED.get(purpose, purpose)
        with self._lock:
            for key in {"", owner}:
                self._taken[pool, key] -= 1
                if not self._taken[pool, key]:
                    del self._taken[pool, key]

    @contextmanager
    def taken(self, purpose: Purpose, owner: str = "") -> Iterator[None]:
        """Take a place for the length of a block; raises Unavailable as `take` does."""
        self.take(purpose, owner)
        try:
            yield
        finally:
            self.free(purpose, owner)
