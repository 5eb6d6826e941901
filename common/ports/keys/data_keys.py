"""Unwrapped data keys, kept for a while so that a value costs no call to the key service.

The cache is bounded in entries and in time, and it is never the truth: a process that has just started does the same work
with one call more. A key is bound to a context (a stack's id, or a name of the service's own) that unwrapping must repeat.
"""

import os
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock

from common.core.clock import Clock
from common.core.customer_key import CustomerKey
from common.ports.keys import KeyService

ENTRIES_LIMIT = 4096
KEPT_FOR = timedelta(minutes=15)


class _Slot:
    """One key, or the place where the first of several threads puts it while the others wait."""

    __slots__ = ("kept_until", "lock", "plain")

    def __init__(self) -> None:
        self.lock = Lock()
        self.plain: bytes | None = None
        self.kept_until: datetime | None = None


class DataKeys:
    """Makes and opens data keys; safe to share between threads."""

    def __init__(self, keys: KeyService, clock: Clock) -> None:
        """Wrap with the key service; the clock says when a kept key is forgotten."""
        self._keys = keys
        self._clock = clock
        self._lock = Lock()
        self._slots: OrderedDict[tuple[str, bytes], _Slot] = OrderedDict()

    def new(self, context: str, customer_key: CustomerKey | None = None) -> tuple[bytes, bytes]:
        """Return a random key, plain and wrapped by the master key or an organization's own; one call of the key service."""
        plain = os.urandom(KEY_BYTES)
        wrapped = self._keys.wrap(plain, context, customer_key)
        slot = self._slot(context, wrapped)
        with slot.lock:
            self._keep(slot, plain)
        return plain, wrapped

    def open(self, wrapped: bytes, context: str) -> bytes:
        """Return the plain key of a wrapped one; raises KeyUnusable. One call of the key service when it is not kept."""
        return self._get(context, wrapped, lambda: wrapped)

    def open_named(self, context: str, fetch: Callable[[], bytes]) -> bytes:
        """Return the plain key of a context that has only one; `fetch` reads the wrapped key when it is not kept."""
        return self._get(context, b"", fetch)

    def _get(self, context: str, identity: bytes, fetch: Callable[[], bytes]) -> bytes:
        slot = self._slot(context, identity)
        # Threads that want the same key wait for one call; those that want others are not held up.
        with slot.lock:
            if slot.plain is not None and slot.kept_until is not None and self._clock.now() < slot.kept_until:
                return slot.plain
            return self._keep(slot, self._keys.unwrap(fetch(), context))

    def _keep(self, slot: _Slot, plain: bytes) -> bytes:
        slot.plain, slot.kept_until = plain, self._clock.now() + KEPT_FOR
        return plain

    def _slot(self, context: str, identity: bytes) -> _Slot:
        with self._lock:
            slot = self._slots.setdefault((context, identity), _Slot())
            self._slots.move_to_end((context, identity))
            if len(self._slots) > ENTRIES_LIMIT:
                self._slots.popitem(last=False)
            return slot


KEY_BYTES = 32
