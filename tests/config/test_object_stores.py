"""Which store serves which purpose, and which key service is chosen."""

import os
import sys
from pathlib import Path

import pytest

from common.backend import require_remote
from common.config import master_key, object_stores
from common.config.sdk import require_sdk
from common.config.settings import Settings
from common.core.errors import StartUpError
from common.ports.blobs.files import Files
from common.ports.blobs.s3 import S3

BATCHES, CHECKPOINTS = object_stores.BATCHES.name, object_stores.CHECKPOINTS.name
METADATA, POLICY_PACKS = object_stores.METADATA.name, object_stores.POLICY_PACKS.name
ARN = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
REMOTE = {"PULUMI_DATABASE_ENDPOINT": "db:3306", CHECKPOINTS: "s3://a", "PULUMI_KMS_KEY": ARN}


def words(**settings: str) -> dict[str, str]:
    """Return the setting of each purpose with the words of its store."""
    stores = object_stores.open_stores(Settings({"STACKHOLD_DATA": "/data", **settings}))
    return {purpose.name: store.words for purpose, store in stores.items()}


class TestPurposes:
    def test_share_one_folder_by_default(self) -> None:
        """Without settings everything is in the data folder."""
        assert {"folder /data/objects"} == set(words().values())

    def test_share_the_store_of_states(self) -> None:
        """A purpose without an address of its own lies with the states, under keys of its own."""
        found = words(**{CHECKPOINTS: "s3://states?region=eu-west-1"})

        assert {"s3://states/, region eu-west-1, checksums when_required"} == set(found.values())

    def test_may_each_have_their_own(self) -> None:
        """Four addresses are four stores."""
        found = words(**{CHECKPOINTS: "s3://a", BATCHES: "s3://b", POLICY_PACKS: "s3://c", METADATA: "s3://a/metadata"})

        assert ["s3://a/,", "s3://b/,", "s3://c/,", "s3://a/metadata/,"] == [
            found[name].split(" ")[0] for name in (CHECKPOINTS, BATCHES, POLICY_PACKS, METADATA)
        ]

    def test_take_folders_by_name_and_by_address(self) -> None:
        """The two settings for folders count, and so does file:///."""
        found = words(
            PULUMI_LOCAL_OBJECTS="/var/states",
            PULUMI_POLICY_PACK_LOCAL_HTTP_OBJECTS="/var/packs",
            **{BATCHES: "file:///var/lib/x%20y"},
        )

        assert ("folder /var/states", "folder /var/packs", "folder /var/lib/x y") == (
            found[CHECKPOINTS],
            found[POLICY_PACKS],
            found[BATCHES],
        )

    def test_take_the_region_of_the_environment(self) -> None:
        """AWS_REGION counts where an address names none."""
        assert "region eu-west-1" in words(AWS_REGION="eu-west-1", **{CHECKPOINTS: "s3://a"})[CHECKPOINTS]

    @pytest.mark.parametrize(
        ("settings", "line"),
        [
            ({CHECKPOINTS: "/states"}, f"{CHECKPOINTS} must begin with s3:// or azblob:// or file://"),
            ({CHECKPOINTS: "gs://states"}, f"{CHECKPOINTS} must begin with"),
            ({BATCHES: "file://host/x"}, f"{BATCHES}: a folder's address is file:///path"),
            ({BATCHES: "file:///x?create_dir=true"}, f"{BATCHES}: a folder's address is file:///path"),
            ({CHECKPOINTS: "s3://a", "PULUMI_LOCAL_OBJECTS": "x"}, f"{CHECKPOINTS} and PULUMI_LOCAL_OBJECTS are both set"),
            ({CHECKPOINTS: "s3://a", POLICY_PACKS: "s3://a?region=eu-west-1"}, f"{POLICY_PACKS} must be another bucket"),
            ({CHECKPOINTS: "s3://a/x", POLICY_PACKS: "S3://a/x/"}, f"{POLICY_PACKS} must be another bucket"),
            (
                {CHECKPOINTS: "s3://a", POLICY_PACKS: "azblob://abc", "AZURE_STORAGE_ACCOUNT": "acme"},
                "must be on the same service",
            ),
            ({METADATA: "s3://a?frobnicate=1"}, f"{METADATA}: unknown option 'frobnicate'"),
        ],
    )
    def test_are_refused_where_they_contradict(self, settings: dict[str, str], line: str) -> None:
        """Each refusal begins with the setting to change."""
        with pytest.raises(StartUpError) as raised:
            words(**settings)

        assert line in str(raised.value)

    def test_open_the_driver_of_their_scheme(self) -> None:
        """An address chooses the driver, and opening one asks no one."""
        opened = object_stores.open_stores(Settings({"STACKHOLD_DATA": "/data", BATCHES: "S3://a"}))

        assert (Files, S3) == (type(opened[object_stores.CHECKPOINTS].driver), type(opened[object_stores.BATCHES].driver))


class TestMasterKey:
    def test_is_exactly_one(self) -> None:
        """Two key services are refused with the names of both settings."""
        settings = Settings({"PULUMI_KMS_KEY": ARN, "PULUMI_AZURE_KV_URI": "https://acme.vault.azure.net"})
        with pytest.raises(StartUpError, match="PULUMI_KMS_KEY and PULUMI_AZURE_KV_URI are both set"):
            master_key.chosen(settings)

    def test_is_the_data_folders_own_by_default(self) -> None:
        """Without a setting the key lies in the data folder; a remote one has no place on this machine."""
        assert Path("/data/keys") == master_key.chosen(Settings({"STACKHOLD_DATA": "/data"})).place
        assert master_key.chosen(Settings({"PULUMI_KMS_KEY": ARN})).place is None
        assert ARN in master_key.chosen(Settings({"PULUMI_KMS_KEY": ARN})).words


class TestSdk:
    @pytest.mark.parametrize("package", ["no_such_package", "common.no_such_part", "no_such_package.part"])
    def test_that_is_absent_is_named_at_the_start(self, package: str) -> None:
        """A setting for which software is missing says what to install, before any request meets it."""
        with pytest.raises(
            StartUpError, match=rf"{CHECKPOINTS} needs a package that is not installed: pip install 'stackhold\[aws\]'"
        ):
            require_sdk(CHECKPOINTS, package, "aws")

    def test_that_is_there_is_not_loaded(self) -> None:
        """Looking for it does not import it."""
        require_sdk(CHECKPOINTS, "wsgiref.validate", "aws")

        assert "wsgiref.validate" not in sys.modules


class TestFunctions:
    @pytest.mark.parametrize(
        ("without", "named"),
        [
            ("PULUMI_DATABASE_ENDPOINT", "PULUMI_DATABASE_ENDPOINT"),
            (CHECKPOINTS, CHECKPOINTS),
            ("PULUMI_KMS_KEY", "PULUMI_KMS_KEY or PULUMI_AZURE_KV_URI"),
        ],
    )
    def test_keep_nothing_on_their_disk(self, without: str, named: str) -> None:
        """A function needs database, store and key elsewhere, and is told which of them is missing."""
        require_remote(Settings(REMOTE))
        with pytest.raises(StartUpError, match=named):
            require_remote(Settings({name: value for name, value in REMOTE.items() if name != without}))

    def test_take_no_key_from_their_disk(self, tmp_path: Path) -> None:
        """A key in the package would be no secret."""
        (tmp_path / "key").write_bytes(os.urandom(32))
        settings = {**REMOTE, "PULUMI_LOCAL_KEYS": str(tmp_path / "key")}
        del settings["PULUMI_KMS_KEY"]
        with pytest.raises(StartUpError, match="PULUMI_KMS_KEY or PULUMI_AZURE_KV_URI"):
            require_remote(Settings(settings))
