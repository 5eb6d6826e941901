"""The drivers that each port's contract runs on. A further driver is a fixture here and a name in the list that its test reads.

A fixture gives a function that opens the driver anew on the same store or key, as another process would.
"""

import os
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from common.ports import blobs, keys
from common.ports.aws import Access
from common.ports.blobs.azure_blob import AzureBlobs, read_address
from common.ports.blobs.files import Files
from common.ports.blobs.s3 import S3
from common.ports.blobs.s3_address import parse
from common.ports.keys.aws_kms import KMS
from common.ports.keys.azure_key_vault import KeyVault, VaultKey
from common.ports.keys.local import LocalKey
from tests.aws.fixtures import moto, moto_process
from tests.aws.moto_process import Moto
from tests.hosts import keyvault
from tests.hosts.azurite_process import ACCOUNT, KEY, Azurite

__all__ = ["moto", "moto_process"]

OpenBlobs = Callable[[], blobs.Driver]
OpenKeys = Callable[[], keys.Driver]


@pytest.fixture
def open_blobs(request: pytest.FixtureRequest) -> OpenBlobs:
    """Open an empty store with the driver that the test runs for."""
    opened: OpenBlobs = request.getfixturevalue(f"blobs_{request.param}")
    return opened


@pytest.fixture
def open_keys(request: pytest.FixtureRequest) -> OpenKeys:
    """Open a key service with the driver that the test runs for."""
    opened: OpenKeys = request.getfixturevalue(f"keys_{request.param}")
    return opened


@pytest.fixture
def blobs_files(tmp_path: Path) -> OpenBlobs:
    """A folder."""
    return lambda: Files(tmp_path)


@pytest.fixture
def blobs_s3(moto: Moto) -> OpenBlobs:
    """A prefix of a bucket, reached as a store on one's own machines is."""
    place = parse(moto.make_bucket(f"bucket-{uuid.uuid4().hex}").replace("?", "/some/prefix?"), "TEST")
    return lambda: S3(place)


@pytest.fixture
def blobs_azblob(azurite: Azurite) -> OpenBlobs:
    """A prefix of a container, by account key."""
    address = f"azblob://{azurite.new_container()}/some/prefix"
    container = read_address("TEST", address, account=ACCOUNT, domain=azurite.domain, key=KEY)
    return lambda: AzureBlobs(container)


@pytest.fixture
def keys_local() -> OpenKeys:
    """A key in this process."""
    master = os.urandom(32)
    return lambda: LocalKey(master)


@pytest.fixture
def keys_awskms(moto: Moto) -> OpenKeys:
    """A key in KMS."""
    arn = moto.make_key()
    return lambda: KMS(arn, Access())


@pytest.fixture
def keys_azurekeyvault(vault: keyvault.KeyVault) -> OpenKeys:
    """A key in a vault."""
    vault.rotate("master")
    return lambda: KeyVault(VaultKey(vault.url, "master"))
