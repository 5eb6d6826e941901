"""Rotated keys of a Key Vault, and names of blobs that Azure changes."""

import base64
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from common.config.settings import Settings
from common.core.errors import StartUpError
from common.ports.blobs.azure_blob import AzureBlobs, read_address
from functions.http.app import create_app
from functions.server import startup
from tests.factories.people import ADMIN_TOKEN, make_admin
from tests.hosts.azurite_process import ACCOUNT, KEY, Azurite
from tests.hosts.keyvault import KeyVault
from tests.stacks.engine.builders import make_resource, make_state
from tests.wire import begin, create_stack, error_of, export, resources_of

Start = Callable[..., TestClient]
SECRET = base64.b64encode(b"correct horse").decode()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a server on this test's data folder; a second call is a restart, and settings count for one start."""
    with ExitStack() as stack:

        def started(**values: str) -> TestClient:
            settings = Settings({"STACKHOLD_DATA": str(tmp_path / "data"), **values})
            backend = startup.start(settings, may_migrate=True)
            stack.callback(backend.close)
            make_admin(backend)
            headers = {"Authorization": f"token {ADMIN_TOKEN}"}
            return stack.enter_context(TestClient(create_app(backend), headers=headers, raise_server_exceptions=False))

        yield started


def encrypt(client: TestClient, stack: str) -> str:
    """A secret of a stack, encrypted."""
    reply = client.post(f"{stack}/encrypt", json={"plaintext": SECRET})
    assert 200 == reply.status_code, reply.text
    return str(reply.json()["ciphertext"])


def decrypt(client: TestClient, stack: str, ciphertext: str) -> Any:
    """The reply to a request to decrypt."""
    return client.post(f"{stack}/decrypt", json={"ciphertext": ciphertext})


class TestRotatedKeys:
    """The key was rotated, and the setting names no version of it."""

    def test_go_on_opening_old_secrets(self, start: Start, vault: KeyVault) -> None:
        """Rotation, a disabled version and a pinned one, each with a restart between, as an operator would live through it."""
        settings = {"PULUMI_AZURE_KV_URI": vault.url, "PULUMI_AZURE_KV_KEY_NAME": "master"}
        first = vault.rotate("master")
        client = start(**settings)
        a = create_stack(client, "a")
        in_a = encrypt(client, a)
        second = vault.rotate("master")

        client = start(**settings)
        assert SECRET == decrypt(client, a, in_a).json()["plaintext"]
        b = create_stack(client, "b")
        in_b = encrypt(client, b)
        vault.enable("master", first, enabled=False)

        client = start(**settings)
        status, _, message = error_of(decrypt(client, a, in_a))
        assert 500 <= status < 600
        assert f"version {first} of Key Vault key master in {vault.url} is disabled: enable it; nothing is lost" in message
        assert SECRET == decrypt(client, b, in_b).json()["plaintext"]
        vault.enable("master", first, enabled=True)

        client = start(**settings, PULUMI_AZURE_KV_KEY_VERSION=second)
        assert SECRET == decrypt(client, a, in_a).json()["plaintext"]
        assert set(vault.calls("decrypt")) == {f"/keys/master/{version}/decrypt" for version in (first, second)}

    def test_are_left_behind_by_the_service_itself(self, start: Start, vault: KeyVault) -> None:
        """A start after a rotation wraps the service's own keys again: leases are signed when the old version is disabled."""
        settings = {"PULUMI_AZURE_KV_URI": vault.url, "PULUMI_AZURE_KV_KEY_NAME": "master"}
        first = vault.rotate("master")
        begin(start(**settings), create_stack(start(**settings), "a"))
        vault.rotate("master")
        start(**settings)
        vault.enable("master", first, enabled=False)
        client = start(**settings)

        assert begin(client, create_stack(client, "b")).renew().status_code == 200

    def test_stop_the_start_that_comes_too_late(self, start: Start, vault: KeyVault) -> None:
        """An old version that is disabled before any start after the rotation is named, and nothing is changed."""
        settings = {"PULUMI_AZURE_KV_URI": vault.url, "PULUMI_AZURE_KV_KEY_NAME": "master"}
        first = vault.rotate("master")
        start(**settings)
        vault.rotate("master")
        vault.enable("master", first, enabled=False)

        with pytest.raises(StartUpError, match=f"nothing was changed .version {first} of Key Vault key master in .* is disabled"):
            start(**settings)
        vault.enable("master", first, enabled=True)
        start(**settings)


class TestNamesThatEndWithADot:
    """Azure drops a dot or a slash at the end of a blob's name."""

    def test_lead_to_their_own_state(self, start: Start, azurite: Azurite) -> None:
        """Stacks and projects that differ by a dot at the end have different states, and no blob's name depends on theirs."""
        name = azurite.new_container()
        settings = {
            "PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT": f"azblob://{name}",
            "AZURE_STORAGE_ACCOUNT": ACCOUNT,
            "AZURE_STORAGE_DOMAIN": azurite.domain,
            "AZURE_STORAGE_KEY": KEY,
        }
        client = start(**settings)
        stacks: dict[str, str] = {}
        for project, stack in (("shop", "prod"), ("shop", "prod."), ("shop.", "prod"), ("shop.", "prod.")):
            path = create_stack(client, stack, project=project)
            update = begin(client, path, journal=0)
            assert update.checkpoint(make_state(make_resource(f"of-{len(stacks)}"))).status_code in (200, 204)
            assert update.complete().status_code in (200, 204)
            stacks[path] = f"of-{len(stacks)}-id"

        assert list(stacks.values()) == [resources_of(export(client, path))[0]["id"] for path in stacks]
        blobs = AzureBlobs(read_address("TEST", f"azblob://{name}", account=ACCOUNT, domain=azurite.domain, key=KEY))
        keys = [key for key, _ in blobs.page("", "", 100)]
        assert 4 <= len(keys)
        assert [] == [key for key in keys if any(part.endswith(".") or not part for part in key.split("/"))]

    @pytest.mark.dialects("sqlite")
    @pytest.mark.parametrize("name", [".", ".."])
    def test_are_no_names_by_themselves(self, client: TestClient, name: str) -> None:
        """A name that is nothing but dots cannot be addressed, so it is refused, for stacks and projects alike."""
        for project, stack in (("shop", name), (name.replace(".", "%2e"), "dev")):
            assert (400, 400) == error_of(client.post(f"/api/stacks/acme/{project}", json={"stackName": stack}))[:2]
