"""Where documents too large for a row are kept: the port that services use, and the protocol a driver implements.

Keys are immutable: a key is written once and then read or deleted, never replaced. A blob is written before the row
that names it; a blob that no row names is swept by a job. Bodies are stored gzip-compressed.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from common.core.compression import BadGzip, inflated_parts, is_packed, pack, unpack
from common.core.errors import BackendError, Unavailable
from common.core.ids import new_id
from common.telemetry.instruments import STORE_CALLS
from common.telemetry.telemetry import OFF, Telemetry

_BLANKS = b" \t\r\n"
_BEGINNINGS, _ENDS = b"{[" + _BLANKS, b"}]" + _BLANKS


class BlobMissing(BackendError):
    """A row names a blob that the store does not have: it was lost outside this program."""

    def __init__(self, key: str) -> None:
        """Name the blob, so that an operator can look for it in a backup."""
        super().__init__(f"the stored document {key} is missing from the object store; restore it from a backup")


class BlobDamaged(BackendError):
    """What the store has under a key is not what was put there: it was changed or cut off outside this program."""

    def __init__(self, key: str) -> None:
        """Name the blob, so that an operator can look for it in a backup."""
        super().__init__(f"the stored document {key} is damaged in the object store; restore it from a backup")


class BlobNotFound(Exception):
    """A driver's answer for a key it does not have."""


class StoreError(Exception):
    """A driver's word for a store that refuses or does not answer; the text is short and names no secret."""


@dataclass(frozen=True, slots=True)
class UploadLink:
    """An address that accepts a PUT, and the headers that it needs."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)


class Driver(Protocol):
    """What a store must be able to do. StoreError and OSError are wrapped once by `Bucket`; other errors pass up."""

    def put(self, key: str, stored: bytes) -> None:
        """Store bytes under a fresh key, durably before it returns. A repeat with the same bytes is harmless."""
        ...

    def get(self, key: str) -> bytes:
        """Return the bytes stored under a key; raises BlobNotFound."""
        ...

    def size(self, key: str) -> int:
        """Return how many bytes are stored under a key; raises BlobNotFound."""
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Remove keys; absent ones are no error."""
        ...

    def page(self, prefix: str, after: str, limit: int) -> list[tuple[str, int]]:
        """Return up to `limit` (key, written at in unix milliseconds) pairs with the prefix, in key order after `after`."""
        ...

    def link(self, key: str, seconds: int) -> str | None:
        """Return an address that serves the stored bytes to anyone for so many seconds; None where a store has none."""
        ...

    def put_file(self, key: str, stored: bytes) -> None:
        """Store a file under a fresh key so that a link serves its bytes as they are, also when they are gzip."""
        ...

    def upload_link(self, key: str, seconds: int) -> "UploadLink | None":
        """Return an address that accepts one file under the key for so many seconds; None where a store has none."""
        ...

    def load(self) -> None:
        """Load what the first call would load, such as an SDK; nothing is sent."""
        ...


class Bucket:
    """One purpose's documents in a store."""

    def __init__(self, driver: Driver, telemetry: Telemetry = OFF) -> None:
        """Use the driver for everything that touches the store."""
        self._driver = driver
        self._telemetry = telemetry

    def put(self, key: str, text: bytes) -> None:
        """Store a document, compressed."""
        self.put_stored(key, pack(text))

    def put_stored(self, key: str, stored: bytes) -> None:
        """Store bytes as they are: gzip, or plain text that need not be packed."""
        with self._measured("put"), _translated("the object store refused to store a document ({}); nothing was changed"):
            self._driver.put(key, stored)

    def get(self, key: str) -> bytes:
        """Return a document, inflated; raises BlobMissing or BlobDamaged."""
        return self.text_of(key, self.get_stored(key))

    def text_of(self, key: str, stored: bytes) -> bytes:
        """Return the text of a document whose stored bytes were read; raises BlobDamaged."""
        try:
            text = unpack(stored)
        except BadGzip as error:
            raise BlobDamaged(key) from error
        if not _is_document(text[:1], text[-1:]):
            raise BlobDamaged(key)
        return text

    def get_intact(self, key: str) -> bytes:
        """Return a document's bytes as stored, after inflating them a part at a time; raises BlobMissing or BlobDamaged."""
        stored = self.get_stored(key)
        first, last = stored[:1], stored[-1:]
        try:
            for number, part in enumerate(inflated_parts(stored) if is_packed(stored) else ()):
                first, last = first if number else part[:1], part[-1:]
        except BadGzip as error:
            raise BlobDamaged(key) from error
        if not _is_document(first, last):
            raise BlobDamaged(key)
        return stored

    def get_stored(self, key: str) -> bytes:
        """Return a document's bytes as stored, whatever they are; raises BlobMissing."""
        try:
            with self._measured("get"), _translated("the object store does not answer ({})"):
                return self._driver.get(key)
        except BlobNotFound as error:
            raise BlobMissing(key) from error

    def find_size(self, key: str) -> int | None:
        """Return how many bytes are stored under a key, or None: so that a file of any size need not be read."""
        try:
            with self._measured("size"), _translated("the object store does not answer ({})"):
                return self._driver.size(key)
        except BlobNotFound:
            return None

    def delete(self, keys: Iterable[str]) -> None:
        """Remove documents; absent ones are no error."""
        with self._measured("delete"), _translated("the object store does not delete ({})"):
            self._driver.delete(keys)

    def page(self, prefix: str, after: str, limit: int) -> list[tuple[str, int]]:
        """Return up to `limit` (key, written at in unix milliseconds) pairs, in key order after `after`."""
        with self._measured("page"), _translated("the object store does not list its documents ({})"):
            return self._driver.page(prefix, after, limit)

    def link(self, key: str, seconds: int) -> str | None:
        """Return an address that serves the stored bytes to anyone who has it for so many seconds; None: not from this store."""
        with self._measured("link"), _translated("the object store gives no link ({})"):
            return self._driver.link(key, seconds)

    def put_file(self, key: str, stored: bytes) -> None:
        """Store a file that a link serves as it is."""
        with self._measured("put"), _translated("the object store refused to store a file ({}); nothing was changed"):
            self._driver.put_file(key, stored)

    def upload_link(self, key: str, seconds: int) -> UploadLink | None:
        """Return an address that accepts one file under the key for so many seconds; None: not in this store."""
        with self._measured("link"), _translated("the object store gives no link ({})"):
            return self._driver.upload_link(key, seconds)

    def load(self) -> None:
        """Load what the first call would load; nothing is sent."""
        self._driver.load()

    def probe(self) -> None:
        """Store, read and remove a document of no meaning; raises StoreError with what the store said.

        A store that is almost the one it claims to be shows it here and not in the middle of an update.
        """
        key, stored = f"probe/{new_id()}", pack(b"{}")
        try:
            self._driver.put(key, stored)
            document = self._driver.get(key)
            self._driver.delete([key])
        except BlobNotFound:
            raise StoreError("a document that was just stored cannot be found") from None
        except OSError as error:
            raise StoreError(error.strerror or type(error).__name__) from error
        if document != stored:
            raise StoreError("a document does not come back as it was stored")

    def _measured(self, operation: str) -> AbstractContextManager[None]:
        driver = type(self._driver).__name__
        return self._telemetry.call(STORE_CALLS, f"blob {operation}", operation, {"stackhold.store": driver})


def _is_document(first: bytes, last: bytes) -> bool:
    """Tell whether a text that begins and ends so may be one that was put here: JSON, in white space perhaps."""
    return bool(first) and first in _BEGINNINGS and last in _ENDS


@contextmanager
def _translated(words: str) -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        raise Unavailable(words.format(error)) from error
    except OSError as error:
        raise Unavailable(words.format(error.strerror or type(error).__name__)) from error
