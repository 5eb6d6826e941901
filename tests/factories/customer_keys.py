"""Keys that organizations manage themselves, with a stand-in for AWS KMS, and the migrations of data keys to them."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from httpx2 import Client

from common.backend import Backend
from common.core.customer_key import CustomerKey
from common.core.errors import Unavailable
from common.core.ids import new_id
from common.crypto import wrapped_keys
from common.people.customer_keys import repository
from common.people.customer_keys.model import StoredKey
from common.people.customer_keys.steps import GRACE_MILLIS
from common.people.orgs import steps as orgs
from common.ports.aws import Access
from common.ports.keys import KeyService, KeyUnusable
from common.ports.keys.customer_keys import CustomerKeys
from common.ports.keys.data_keys import DataKeys
from common.ports.keys.local import LocalKey
from functions.jobs import deliver_messages
from tests.clocks import FrozenClock

KEYS = "/api/orgs/acme/cmk"
ROLE = "arn:aws:iam::123456789012:role/stackhold-keys"
_ARN = "arn:aws:kms:eu-west-1:123456789012:key/{}"


@dataclass
class FakeKms:
    """Keys of customers by their ARNs: `lost` ones are refused, and a busy service does not answer."""

    lost: set[str] = field(default_factory=set)
    is_busy: bool = False
    before_wrap: Callable[[], object] = lambda: None
    calls: int = 0

    def open(self, key: CustomerKey, _access: Access) -> "FakeKey":
        """Return the driver of a key."""
        return FakeKey(self, key.key_arn)


class FakeKey(LocalKey):
    """A key that is made of its own ARN."""

    def __init__(self, kms: FakeKms, arn: str) -> None:
        super().__init__(hashlib.sha256(arn.encode()).digest())
        self.kms, self.arn = kms, arn

    def wrap(self, plain_key: bytes, context: str) -> bytes:
        """Wrap unless the key is lost."""
        self.kms.before_wrap()
        self._require_usable()
        return super().wrap(plain_key, context)

    def unwrap(self, wrapped_key: bytes, context: str) -> bytes:
        """Unwrap unless the key is lost."""
        self._require_usable()
        return super().unwrap(wrapped_key, context)

    def _require_usable(self) -> None:
        self.kms.calls += 1
        if self.kms.is_busy:
            raise Unavailable("AWS KMS is busy; try again")
        if self.arn in self.kms.lost:
            raise KeyUnusable(f"AWS KMS refuses key {self.arn} (DisabledException): enable the key")


def with_kms(backend: Backend, kms: FakeKms) -> Backend:
    """Return a fresh process of the installation, whose organizations have their keys in the stand-in."""
    keys = KeyService(_MasterKey(backend.keys), CustomerKeys(Access(), kms.open))
    return replace(backend, keys=keys, data_keys=DataKeys(keys, backend.clock))


class _MasterKey:
    """The master key of another key service."""

    def __init__(self, keys: KeyService) -> None:
        self.keys = keys

    def __getattr__(self, name: str) -> Any:
        return getattr(self.keys, name)


def arn(name: str) -> str:
    """Return the ARN of a key."""
    return _ARN.format(name)


def add(client: Client, name: str, address: str = KEYS) -> str:
    """Register a key and return its id."""
    body = {"name": name, "keyType": "aws_kms", "awsKms": {"keyArn": arn(name), "roleArn": ROLE}}
    reply = client.post(address, json=body)
    assert 201 == reply.status_code, reply.text
    key_id: str = reply.json()["id"]
    return key_id


def make_unused(backend: Backend, org: str) -> str:
    """Make a key that is enabled but not the default, without a test of it, and return its id."""
    with backend.db.begin() as tx:
        org_id = orgs.find_id(tx, org)
        assert org_id is not None
        key = CustomerKey(new_id(), org_id, arn("unused"), ROLE)
        repository.add_key(tx, StoredKey(key, key.id, is_enabled=True, created_at=1))
    return key.id


def migrate(backend: Backend, clock: FrozenClock) -> None:
    """Run the migrations that wait to their end."""
    deliver_messages(backend)
    clock.pass_seconds(GRACE_MILLIS / 1000)
    deliver_messages(backend)


def states_of_migrations(client: Client, address: str = KEYS) -> list[str]:
    """Return the states of the organization's migrations, the newest first."""
    return [migration["state"] for migration in client.get(f"{address}/migration").json()]


def count_by_key(backend: Backend) -> dict[str, int]:
    """Return how many data keys of stacks, projects and environments each key has wrapped; the master key is ""."""
    counts = dict[str, int]()
    for page in wrapped_keys.iterate_pages(backend.db):
        for key in page:
            if key.table != "service_keys":
                customer_key = backend.keys.find_customer_key(key.wrapped_key)
                name = customer_key.key_arn.rpartition("/")[2] if customer_key else ""
                counts[name] = counts.get(name, 0) + 1
    return counts
