"""Where documents too large for a row are kept: the port that services use, and the protocol a driver implements.

Keys are immutable: a key is written once and then read or deleted, never replaced. A blob is written before the row
that names it; a blob that no row names is swept by a job. Bodies are stored gzip-compressed.
"""

from collections.abc import Iterable
from typing import Protocol

from common.compression import pack, unpack
from common.errors import BackendError, Unavailable


class BlobMissing(BackendError):
    """A row names a blob that the store does not have: it was lost outside this program."""

    def __init__(self, key: str) -> None:
        """Name the blob, so that an operator can look for it in a backup."""
        super().__init__(f"the stored document {key} is missing from the object store; restore it from a backup")


class BlobNotFound(Exception):
    """A driver's answer for a key it does not have."""


class Driver(Protocol):
    """What a store must be able to do. Any error but BlobNotFound passes up and is wrapped once by `Bucket`."""

    def put(self, key: str, stored: bytes) -> None:
        """Store bytes under a fresh key, durably before it returns. A repeat with the same bytes is harmless."""
        ...

    def get(self, key: str) -> bytes:
        """Return the bytes stored under a key; raises BlobNotFound."""
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Remove keys; absent ones are no error."""
        ...

    def page(self, prefix: str, after: str, limit: int) -> list[tuple[str, int]]:
        """Return up to `limit` (key, written at in unix milliseconds) pairs with the prefix, in key order after `after`."""
        ...


class Bucket:
    """One purpose's documents in a store."""

    def __init__(self, driver: Driver) -> None:
        """Use the driver for everything that touches the store."""
        self._driver = driver

    def put(self, key: str, text: bytes) -> None:
        """Store a document, compressed."""
        self.put_stored(key, pack(text))

    def put_stored(self, key: str, stored: bytes) -> None:
        """Store bytes as they are: gzip, or plain text that need not be packed."""
        try:
            self._driver.put(key, stored)
        except OSError as error:
            msg = f"the object store refused to store a document ({error.strerror or type(error).__name__}); nothing was changed"
            raise Unavailable(msg) from error

    def get(self, key: str) -> bytes:
        """Return a document, inflated; raises BlobMissing."""
        return unpack(self.get_stored(key))

    def get_stored(self, key: str) -> bytes:
        """Return a document's bytes as stored, for a reply that is gzip anyway; raises BlobMissing."""
        try:
            return self._driver.get(key)
        except BlobNotFound as error:
            raise BlobMissing(key) from error
        except OSError as error:
            msg = f"the object store does not answer ({error.strerror or type(error).__name__})"
            raise Unavailable(msg) from error

    def delete(self, keys: Iterable[str]) -> None:
        """Remove documents; absent ones are no error."""
        self._driver.delete(keys)

    def page(self, prefix: str, after: str, limit: int) -> list[tuple[str, int]]:
        """Return up to `limit` (key, written at in unix milliseconds) pairs, in key order after `after`."""
        return self._driver.page(prefix, after, limit)
