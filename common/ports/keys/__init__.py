"""The key service: wraps the data keys that encrypt values. The port that services use, and a driver's protocol.

A wrapped key says which master key wrapped it, so that an older one goes on unwrapping after a rotation.
"""

from contextlib import AbstractContextManager
from typing import Protocol

from common.core.customer_key import CustomerKey
from common.core.errors import BackendError
from common.telemetry.instruments import KEY_CALLS
from common.telemetry.telemetry import OFF


class KeyUnusable(BackendError):
    """A wrapped key cannot be opened with the configured master key."""


class Driver(Protocol):
    """What a key service must be able to do; it raises Unavailable when it does not answer and a repeat may succeed."""

    def wrap(self, plain_key: bytes, context: str) -> bytes:
        """Return the key wrapped, bound to a context that `unwrap` must repeat."""
        ...

    def unwrap(self, wrapped_key: bytes, context: str) -> bytes:
        """Return the plain key; raises KeyUnusable when master key or context differ from those that wrapped it."""
        ...

    def check(self) -> str:
        """Return the master key that wraps, by its full name; raises StartUpError unless it unwraps what it wrapped."""
        ...

    def name_of(self, wrapped_key: bytes) -> str:
        """Return the full name of the master key that wrapped a key, without a call; raises KeyUnusable."""
        ...

    def is_current(self, wrapped_key: bytes) -> bool:
        """Tell whether the master key that wraps now wrapped this one; True too where that makes no difference."""
        ...

    def load(self) -> None:
        """Load what the first call would load, such as an SDK; nothing is sent."""
        ...


class Signer(Protocol):
    """A key service that signs with keys which never leave it. `name` is the key of the settings, or empty."""

    name: str

    def public_key(self) -> tuple[str, bytes]:
        """Return the full name of the key of the settings, and its public key as DER; raises KeyUnusable or Unavailable."""
        ...

    def sign(self, key: str, message: bytes) -> bytes:
        """Return the RS256 signature of a message by a key of this full name; raises KeyUnusable or Unavailable."""
        ...


class CustomerDriver(Protocol):
    """What wraps and unwraps with keys that organizations manage themselves; it raises what a driver raises."""

    def wrap(self, key: CustomerKey, plain_key: bytes, context: str) -> bytes:
        """Return the data key wrapped by an organization's key; the record names that key."""
        ...

    def unwrap(self, wrapped_key: bytes, context: str) -> bytes:
        """Return the plain data key of a record."""
        ...

    def find_key(self, wrapped_key: bytes) -> CustomerKey | None:
        """Return the organization's key that a record names; None for a record of the master key. Raises KeyUnusable."""
        ...


class KeyService:
    """The master key, by one of the drivers, and the keys of organizations. `data_keys.py` caches unwrapped keys."""

    def __init__(self, driver: Driver, customer_driver: CustomerDriver | None = None) -> None:
        """Use the drivers; without a customer driver, records of organizations' keys do not open."""
        self._driver = driver
        self._customer_driver = customer_driver
        # Set by the backend: the service is opened before it, to be checked.
        self.telemetry = OFF

    def wrap(self, plain_key: bytes, context: str, customer_key: CustomerKey | None = None) -> bytes:
        """Return a data key wrapped for a context, by the master key or by an organization's key."""
        if customer_key is None:
            with self._measured("wrap", self._driver):
                return self._driver.wrap(plain_key, context)
        customer_driver = self._require_customer_driver()
        with self._measured("wrap", customer_driver):
            return customer_driver.wrap(customer_key, plain_key, context)

    def unwrap(self, wrapped_key: bytes, context: str) -> bytes:
        """Return the plain data key; raises KeyUnusable."""
        if self.find_customer_key(wrapped_key) is None:
            with self._measured("unwrap", self._driver):
                return self._driver.unwrap(wrapped_key, context)
        customer_driver = self._require_customer_driver()
        with self._measured("unwrap", customer_driver):
            return customer_driver.unwrap(wrapped_key, context)

    def find_customer_key(self, wrapped_key: bytes) -> CustomerKey | None:
        """Return the organization's key that wrapped a data key; None if the master key did. Raises KeyUnusable."""
        return self._customer_driver.find_key(wrapped_key) if self._customer_driver is not None else None

    def check(self) -> str:
        """Return the master key that wraps, by its full name; a remote one is tried. Raises StartUpError unless it works."""
        return self._driver.check()

    def name_of(self, wrapped_key: bytes) -> str:
        """Return the full name of the key that wrapped a data key; raises KeyUnusable."""
        customer_key = self.find_customer_key(wrapped_key)
        return str(customer_key) if customer_key is not None else self._driver.name_of(wrapped_key)

    def is_current(self, wrapped_key: bytes) -> bool:
        """Tell whether a data key of the service is wrapped by the master key that wraps now."""
        return self._driver.is_current(wrapped_key)

    def load(self) -> None:
        """Load what the first call would load; nothing is sent."""
        self._driver.load()

    def _require_customer_driver(self) -> CustomerDriver:
        if self._customer_driver is None:
            raise KeyUnusable("this program cannot use keys that organizations manage themselves")
        return self._customer_driver

    def _measured(self, operation: str, driver: object) -> AbstractContextManager[None]:
        name = type(driver).__name__
        return self.telemetry.call(KEY_CALLS, f"key {operation}", operation, {"stackhold.key_service": name})
