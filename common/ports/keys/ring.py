"""Several master keys: one wraps, and all of them unwrap. So a key is replaced while the server runs."""

from collections.abc import Sequence
from contextlib import suppress

from common.ports.keys import Driver, KeyUnusable


class KeyRing:
    """The driver: the current key, and others that only unwrap."""

    def __init__(self, current: Driver, others: Sequence[Driver]) -> None:
        """Use drivers of any kinds."""
        self._current = current
        self._all = [current, *others]

    def wrap(self, plain_key: bytes, context: str) -> bytes:
        """Wrap with the current key."""
        return self._current.wrap(plain_key, context)

    def unwrap(self, wrapped_key: bytes, context: str) -> bytes:
        """Unwrap with the first key that can; raises KeyUnusable with the reason of the first key of the right kind."""
        refusal: KeyUnusable | None = None
        for driver in self._all:
            try:
                driver.name_of(wrapped_key)
            except KeyUnusable:
                continue  # It is of another kind: it would only call the record damaged.
            try:
                return driver.unwrap(wrapped_key, context)
            except KeyUnusable as error:
                refusal = refusal or error
        raise refusal or KeyUnusable(
            "a stored key is damaged, or was wrapped by a kind of key service that is not configured; restore it from a backup,"
            " or name its key in STACKHOLD_UNWRAP_KEYS"
        )

    def check(self) -> str:
        """Check the current key; the others may be allowed to decrypt only."""
        return self._current.check()

    def name_of(self, wrapped_key: bytes) -> str:
        """Return the name by the first driver of the right kind; raises KeyUnusable."""
        for driver in self._all[:-1]:
            with suppress(KeyUnusable):
                return driver.name_of(wrapped_key)
        return self._all[-1].name_of(wrapped_key)

    def is_current(self, wrapped_key: bytes) -> bool:
        """Tell whether the current key wrapped it; a record of another kind it did not."""
        try:
            self._current.name_of(wrapped_key)
        except KeyUnusable:
            return False
        return self._current.is_current(wrapped_key)

    def load(self) -> None:
        """Load what the current key needs; the others are used for a while only."""
        self._current.load()
