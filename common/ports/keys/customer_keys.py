"""Keys that organizations manage themselves, in AWS KMS: each wraps the data keys of one organization.

A record names all that unwrapping needs, so it takes no query: kind byte, length and text of the key (JSON), and the record of
the KMS driver (docs/decisions/0025-data-keys-name-the-key-of-their-organization.md).
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock

import msgspec

from common.core.customer_key import CustomerKey
from common.core.errors import Unavailable
from common.ports.aws import Access
from common.ports.keys import Driver, KeyUnusable

_KIND = b"\x04"
_LENGTH_BYTES = 2
_HEADER_BYTES = len(_KIND) + _LENGTH_BYTES
# A client of the SDK takes about a megabyte.
CLIENTS_LIMIT = 32
# A key whose service takes this long to fail is tried once in a while; the other calls fail at once meanwhile, since a call that
# waits for one organization takes a thread from all others.
SLOW_SECONDS, PAUSE_SECONDS = 5, 15
_ALLOW = "allow the role kms:Encrypt and kms:Decrypt, in its own policy and in the key's"
_TRUST = "let the trust policy of the role allow sts:AssumeRole to this server, with the organization's id as the external id"
REMEDIES = {
    "NotFoundException": "there is no such key in this account and region; check the ARN, or restore the key",
    "AccessDeniedException": _ALLOW,
    "AccessDenied": _TRUST,
}


def open_kms(key: CustomerKey, access: Access) -> Driver:
    """Return the driver of an organization's key."""
    from common.ports.keys.aws_kms import KMS  # noqa: PLC0415 - only what is used is loaded

    return KMS(key.key_arn, replace(access, customer_role_arn=key.role_arn, external_id=key.org_id), REMEDIES)


class CustomerKeys:
    """Wraps and unwraps with the key of any organization; safe to share between threads."""

    def __init__(
        self,
        access: Access,
        open_driver: Callable[[CustomerKey, Access], Driver] = open_kms,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the server's own access, which assumes the roles; nothing is imported or sent before the first use."""
        self._access, self._open_driver, self._now = access, open_driver, now
        self._lock = Lock()
        # When a key that was slow to fail is tried again.
        self._paused: dict[CustomerKey, float] = {}
        self._drivers: OrderedDict[CustomerKey, Driver] = OrderedDict()

    def wrap(self, key: CustomerKey, plain_key: bytes, context: str) -> bytes:
        """Return a data key wrapped by an organization's key; raises KeyUnusable or Unavailable."""
        header = msgspec.json.encode(key)
        with self._watched(key):
            record = self._driver(key).wrap(plain_key, context)
        return b"".join((_KIND, len(header).to_bytes(_LENGTH_BYTES), header, record))

    def unwrap(self, wrapped_key: bytes, context: str) -> bytes:
        """Return the plain data key of a record; raises KeyUnusable or Unavailable."""
        key, record = _parts(wrapped_key)
        with self._watched(key):
            return self._driver(key).unwrap(record, context)

    def find_key(self, wrapped_key: bytes) -> CustomerKey | None:
        """Return the organization's key that a record names; None for a record of another kind. Raises KeyUnusable."""
        return _parts(wrapped_key)[0] if wrapped_key[:1] == _KIND else None

    @contextmanager
    def _watched(self, key: CustomerKey) -> Iterator[None]:
        with _named(key):
            self._require_not_paused(key)
            began = self._now()
            try:
                yield
            except Unavailable:
                if self._now() - began >= SLOW_SECONDS:
                    self._pause(key)
                raise
            except KeyUnusable:
                # It answers.
                self._resume(key)
                raise
            self._resume(key)

    def _require_not_paused(self, key: CustomerKey) -> None:
        with self._lock:
            until = self._paused.get(key)
            if until is None:
                return
            if self._now() < until:
                raise Unavailable("AWS KMS did not answer a moment ago; try again")
            # This call tries it for all.
            self._paused[key] = self._now() + PAUSE_SECONDS

    def _pause(self, key: CustomerKey) -> None:
        with self._lock:
            now = self._now()
            # Keys that no one asks for any more are forgotten.
            self._paused = {other: until for other, until in self._paused.items() if now < until + PAUSE_SECONDS}
            self._paused[key] = now + PAUSE_SECONDS

    def _resume(self, key: CustomerKey) -> None:
        with self._lock:
            self._paused.pop(key, None)

    def _driver(self, key: CustomerKey) -> Driver:
        with self._lock:
            driver = self._drivers.get(key)
            if driver is None:
                driver = self._drivers[key] = self._open_driver(key, self._access)
            self._drivers.move_to_end(key)
            if len(self._drivers) > CLIENTS_LIMIT:
                self._drivers.popitem(last=False)
            return driver


def _parts(record: bytes) -> tuple[CustomerKey, bytes]:
    end = _HEADER_BYTES + int.from_bytes(record[len(_KIND) : _HEADER_BYTES])
    try:
        return msgspec.json.decode(record[_HEADER_BYTES:end], type=CustomerKey), record[end:]
    except msgspec.DecodeError:
        raise KeyUnusable("a stored key is damaged; restore it from a backup") from None


@contextmanager
def _named(key: CustomerKey) -> Iterator[None]:
    try:
        yield
    except KeyUnusable as error:
        raise KeyUnusable(f"the organization's own key, with role {key.role_arn}: {error.detail}") from error
    except Unavailable as error:
        raise Unavailable(f"the organization's own key, with role {key.role_arn}: {error.detail}") from error
