"""A backup goes from one kind of database, object store and key to another, and back, without a difference."""

import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from common.audit import integrity
from common.backend import Backend, open_backend
from common.config.settings import Settings
from common.rights.caller import Caller
from functions.server import startup
from tests.aws.fixtures import moto, moto_process
from tests.aws.moto_process import Moto
from tests.clocks import FrozenClock
from tests.factories.installations import Filled, fill, read_all, read_secrets
from tests.factories.people import ADMIN_TOKEN, caller_of
from tests.hosts.azurite_process import ACCOUNT, KEY, Azurite
from tests.installation.backups.commands import back_up, restore, rows_in
from tests.mysql.shared import SharedServer
from tests.secrecy import note_settings

__all__ = ["moto", "moto_process"]
pytestmark = pytest.mark.dialects("sqlite")


def compare(settings: Settings, source: "Source") -> None:
    """Assert that an installation starts, answers as the one before, also to tokens, opens its secrets, and has its whole log."""
    note_settings(settings.as_env())
    startup.start(settings, may_migrate=True).close()
    with closing(open_backend(settings, clock=FrozenClock())) as backend:
        assert {None} == {integrity.verify_log(backend, org).fault for org, _ in integrity.list_organizations(backend)}
        replies = read_all(backend, source.filled)
        assert {address for address in replies if source.replies[address] != replies[address]} == set()
        assert source.secrets == read_secrets(backend, caller_of(backend, ADMIN_TOKEN), source.filled)


@dataclass(frozen=True, slots=True)
class Source:
    """The installation that is backed up, and what it replied before."""

    backend: Backend
    filled: Filled
    replies: dict[str, bytes]
    secrets: dict[str, object]


@pytest.fixture
def source(backend: Backend, client: TestClient, admin: Caller) -> Source:
    """An installation on SQLite and a folder, with one of everything."""
    filled = fill(backend, client, admin)
    secrets = read_secrets(backend, admin, filled)
    return Source(backend, filled, read_all(backend, filled), secrets)


@pytest.fixture
def cloud(moto: Moto, mysql_server: SharedServer, tmp_path: Path) -> Iterator[Settings]:
    """An empty installation on MySQL, S3 and KMS."""
    with mysql_server.fresh() as database:
        yield Settings(
            {
                "STACKHOLD_DATA": str(tmp_path / "cloud"),
                "PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT": moto.make_bucket(f"states-{uuid.uuid4().hex}"),
                "PULUMI_POLICY_PACK_BLOB_STORAGE_ENDPOINT": moto.make_bucket(f"packs-{uuid.uuid4().hex}"),
                "PULUMI_KMS_KEY": moto.make_key(),
                "STACKHOLD_UNWRAP_KEYS": f"file://{tmp_path}/data/keys",
                **mysql_server.settings(database),
            }
        )


def test_from_a_laptop_to_aws_and_back(source: Source, cloud: Settings, moto: Moto, tmp_path: Path) -> None:
    """SQLite, a folder and a local key become MySQL, S3 and KMS, and these again the first: replies are equal, secrets open."""
    bucket = moto.make_bucket(f"backup-{uuid.uuid4().hex}").replace("?", "/some/prefix?")
    back_up(source.backend.settings, bucket)
    restored = restore(cloud, bucket)
    compare(cloud, source)
    back_up(cloud, bucket)
    home = Settings({"STACKHOLD_DATA": str(tmp_path / "home"), "STACKHOLD_UNWRAP_KEYS": f"awskms://{cloud.kms_key}"})
    restore(home, bucket)
    compare(home, source)
    back_up(source.backend.settings, str(tmp_path / "first"))
    back_up(home, str(tmp_path / "second"))

    assert any("data keys were wrapped anew" in line and " 0 data" not in line for line in restored)
    first, second = (rows_in(home, str(tmp_path / name)) for name in ("first", "second"))
    # Comparing the replies exported states and decrypted secrets, which is in the logs of the two restored installations.
    changing = {"audit_events", "audit_heads", "bootstrap_items", "service_keys"}
    assert {name for name in first if first[name] != second[name]} <= changing


def test_from_a_folder_to_azure_blobs(source: Source, azurite: Azurite, tmp_path: Path) -> None:
    """Documents go to Azure Blob Storage, and so does the backup; the key stays the same."""
    account = {"AZURE_STORAGE_ACCOUNT": ACCOUNT, "AZURE_STORAGE_KEY": KEY, "AZURE_STORAGE_DOMAIN": azurite.domain}
    target = Settings(
        {
            "STACKHOLD_DATA": str(tmp_path / "azure"),
            "PULUMI_LOCAL_KEYS": str(tmp_path / "data" / "keys"),
            "PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT": f"azblob://{azurite.new_container()}",
            **account,
        }
    )
    backups = f"azblob://{azurite.new_container()}/backups"
    back_up(source.backend.settings.replaced(**account), backups)
    restored = restore(target, backups)

    assert any(" 0 data keys were wrapped anew" in line for line in restored)
    compare(target, source)
