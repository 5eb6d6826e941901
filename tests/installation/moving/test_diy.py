"""The layouts of DIY backends: what is written is read again, in a folder, a bucket and a container."""

import json
import uuid
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.compression import pack
from common.installation.moving import states
from common.installation.moving.api_source import ApiSource
from common.installation.moving.diy.source import DiySource
from common.installation.moving.diy.target import DiyTarget
from common.installation.moving.model import MovingError, Outcome, StackName
from common.installation.moving.passphrase import PassphraseCrypter
from common.ports.blobs import Bucket
from common.ports.blobs.azure_blob import AzureBlobs, read_address
from common.ports.blobs.files import Files
from common.ports.blobs.s3 import S3
from common.ports.blobs.s3_address import parse
from common.rights.caller import Caller
from common.stacks.retention import service as retention
from common.stacks.retention.model import Keep, RetentionPolicy
from tests.aws.fixtures import moto, moto_process
from tests.aws.moto_process import Moto
from tests.factories.moving import (
    NAME,
    SALT,
    SECRET_CONFIG,
    SERVICE,
    FakeApi,
    FakeSource,
    make_moved,
    make_update,
    sealed,
    state_with,
)
from tests.factories.stacks import make_stack, make_version
from tests.hosts.azurite_process import ACCOUNT, KEY, Azurite
from tests.hosts.fixtures import azurite

__all__ = ["azurite", "moto", "moto_process"]


@pytest.fixture
def bucket_files(tmp_path: Path) -> Bucket:
    """A folder."""
    return Bucket(Files(tmp_path))


@pytest.fixture
def bucket_s3(moto: Moto) -> Bucket:
    """A prefix of a bucket."""
    return Bucket(S3(parse(moto.make_bucket(f"bucket-{uuid.uuid4().hex}").replace("?", "/some/prefix?"), "TEST")))


@pytest.fixture
def bucket_azblob(azurite: Azurite) -> Bucket:
    """A container."""
    return Bucket(
        AzureBlobs(read_address("TEST", f"azblob://{azurite.new_container()}", account=ACCOUNT, domain=azurite.domain, key=KEY))
    )


def refuse() -> str:
    """Fail where no passphrase is wanted."""
    raise AssertionError


def written(bucket: Bucket) -> FakeSource:
    """Write a stack with two updates, and return where it came from."""
    source = FakeSource()
    updates = [
        make_update(1, message="first", environment={"git.author": "alice"}),
        make_update(2, resource_changes=b'{"same":1}'),
    ]
    stack = source.add(make_moved(*updates), state_with("v1:x:y", SALT), state_with("v1:x:y", SALT, size=2))
    target = DiyTarget(bucket, "the target", refuse)
    assert target.compare(source, stack) is Outcome.NEW
    assert [] == target.write(source, stack)
    return source


@pytest.mark.parametrize("store", ["files", "s3", "azblob"])
def test_a_stack_comes_back(store: str, request: pytest.FixtureRequest) -> None:
    """Tags, updates with their dates and messages, and every state byte for byte; a second export finds it there."""
    bucket: Bucket = request.getfixturevalue(f"bucket_{store}")
    source = written(bucket)
    again = DiySource(bucket, "the bucket")
    stack, before = again.load(NAME), source.stacks[NAME]

    assert [NAME] == again.list_names()
    assert before.tags == stack.tags
    assert [update.identity for update in before.updates] == [update.identity for update in stack.updates]
    assert [("first", {"git.author": "alice"}), ("", {})] == [(update.message, update.environment) for update in stack.updates]
    assert b'{"same":1}' == stack.updates[1].resource_changes
    for one, other in zip(before.updates, stack.updates, strict=True):
        assert source.get_state(before, one) == again.get_state(stack, other)
    assert DiyTarget(bucket, "the target", refuse).compare(source, before) is Outcome.UNCHANGED


def test_another_stack_of_the_name_stays(bucket_files: Bucket) -> None:
    """It is neither taken for the same one nor written over."""
    source = written(bucket_files)
    other = source.add(make_moved(make_update(1), make_update(2)), state_with("x", SALT), state_with("x", SALT, size=3))

    with pytest.raises(MovingError, match="another stack of that name"):
        DiyTarget(bucket_files, "the target", refuse).compare(source, other)


def test_secrets_of_the_service_are_encrypted_by_a_passphrase(bucket_files: Bucket) -> None:
    """In every state, in the configuration of every update, and in the file for the project; equal ones stay equal."""
    source = FakeSource()
    updates = [make_update(1, config=SECRET_CONFIG), make_update(2, config=SECRET_CONFIG)]
    stack = source.add(make_moved(*updates), state_with(sealed('"pw"'), SERVICE), state_with(sealed('"pw"'), SERVICE))
    target = DiyTarget(bucket_files, "the target", lambda: "a passphrase")
    target.write(source, stack)
    moved = DiySource(bucket_files, "the folder")
    texts = [moved.get_state(moved.load(NAME), update) or b"" for update in moved.load(NAME).updates]
    crypter = PassphraseCrypter("a passphrase", json.loads(texts[0])["deployment"]["secrets_providers"]["state"]["salt"])
    config = moved.load(NAME).updates[-1].config

    assert texts[0] == texts[1]
    assert [b'"pw"'] == [crypter.decrypt(text) for text in states.ciphertexts(texts[0])]
    assert b"4711" == crypter.decrypt(config["shop:pin"].string)
    (file,) = target.config_files
    assert f"encryptionsalt: {crypter.salt}" in file.text
    assert config["shop:pin"].string in file.text


def test_versions_that_were_not_kept_have_no_state(
    bucket_files: Bucket, client: TestClient, backend: Backend, admin: Caller
) -> None:
    """What a retention policy deleted is noted, and does not keep the rest of a stack from being exported."""
    path = make_stack(backend, admin)
    for name in ("a", "b", "c"):
        make_version(backend, admin, path, name)
    retention.update_policy(backend, admin, "acme", RetentionPolicy(Keep.VERSIONS, 2))
    retention.delete_old_versions(backend, "")
    source = ApiSource(FakeApi(client), "acme")
    stack = source.load(NAME)
    [note] = DiyTarget(bucket_files, "the target", lambda: "a passphrase").write(source, stack)
    moved = DiySource(bucket_files, "the folder")
    updates = moved.load(NAME).updates

    assert note.endswith("the state of version 1 of stack 'acme/shop/dev' was deleted by the retention policy")
    assert [update.version for update in updates] == [1, 2, 3]
    assert b"::c" in (moved.get_state(moved.load(NAME), updates[-1]) or b"")
    with pytest.raises(MovingError, match="no state of version 1"):
        moved.get_state(moved.load(NAME), updates[0])


def make_legacy(folder: Path) -> None:
    """Turn a backend into one of the layout that had no projects, with compressed files."""
    root = folder / ".pulumi"
    (root / "meta.yaml").unlink()
    for path in [path for path in root.rglob("shop/*") if path.is_file()] + list((root / "history").rglob("*.json")):
        target = path.parents[1] / path.name if path.parent.name == "shop" else path.parents[2] / path.parent.name / path.name
        target.parent.mkdir(exist_ok=True)
        if target.suffix == ".json":
            target = target.with_name(f"{target.name}.gz")
            target.write_bytes(pack(path.read_bytes()))
            path.unlink()
        else:
            path.rename(target)


def test_the_layout_without_projects(bucket_files: Bucket, tmp_path: Path) -> None:
    """The project is that of the resources; nothing is written into such a backend."""
    source = written(bucket_files)
    make_legacy(tmp_path)
    legacy = DiySource(bucket_files, "the folder")
    stack = legacy.load(NAME)

    assert (tmp_path / ".pulumi/stacks/dev.json.gz").exists()
    assert [NAME] == legacy.list_names()
    assert ("the layout without projects",) == stack.notes
    assert ["first", ""] == [update.message for update in stack.updates]
    assert {"group": "web"} == stack.tags
    assert legacy.get_state(stack, stack.updates[0]) == source.states[NAME, 1]
    with pytest.raises(MovingError, match="the layout without projects"):
        DiyTarget(bucket_files, "the folder", refuse)


def test_an_empty_stack_of_that_layout_needs_a_project(bucket_files: Bucket) -> None:
    """No resource names one."""
    bucket_files.put_file(".pulumi/stacks/dev.json", b'{"version":3,"checkpoint":{"stack":"dev"}}')

    with pytest.raises(MovingError, match="--project"):
        DiySource(bucket_files, "the folder").load(StackName("", "dev"))
    assert DiySource(bucket_files, "the folder", "shop").load(NAME).updates == []


def test_a_change_outside_of_updates_becomes_one(bucket_files: Bucket) -> None:
    """An import writes no history in such a backend, nor does an edit: the newest state is not lost."""
    source = written(bucket_files)
    bucket_files.put_file(".pulumi/stacks/shop/dev.json", states.to_checkpoint(state_with("v1:x:y", SALT, size=9), NAME))
    moved = DiySource(bucket_files, "the folder")
    stack = moved.load(NAME)

    assert ["update", "update", "import"] == [update.kind for update in stack.updates]
    assert state_with("v1:x:y", SALT, size=9) == moved.get_state(stack, stack.updates[-1])
    assert source.states[NAME, 2] == moved.get_state(stack, stack.updates[1])


def test_a_locked_stack_is_not_moved(bucket_files: Bucket) -> None:
    """An update of it runs, or its client has died."""
    written(bucket_files)
    bucket_files.put_file(".pulumi/locks/organization/shop/dev/1.json", b"{}")

    with pytest.raises(MovingError, match="an update of it runs"):
        DiySource(bucket_files, "the folder").load(NAME)
