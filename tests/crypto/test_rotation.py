from contextlib import closing
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from common.backend import Backend, open_backend
from common.core.errors import StartUpError
from common.crypto import rotation, service_keys
from common.ports.keys.local import create_key
from common.rights.caller import Caller
from functions.server import key_commands, startup
from tests.aws.fixtures import moto, moto_process
from tests.aws.moto_process import Moto
from tests.factories.clients import make_client
from tests.factories.installations import Filled, fill, read_secrets
from tests.factories.people import ADMIN_TOKEN, caller_of
from tests.factories.stacks import make_ciphertext, make_stack
from tests.hosts.keyvault import KeyVault

__all__ = ["moto", "moto_process"]


def quiet(_text: str) -> None:
    """Show nothing."""


@pytest.fixture
def filled(backend: Backend, client: TestClient, admin: Caller) -> Filled:
    """An installation that was started once, with secrets of every kind."""
    service_keys.require_own_master_key(backend, "the test")
    return fill(backend, client, admin)


def with_keys(backend: Backend, **settings: str) -> Backend:
    """Open the installation as a server does that is started with other keys, and leave it."""
    changed = backend.settings.replaced(**settings)
    startup.start(changed, may_migrate=False).close()
    return open_backend(changed, clock=backend.clock)


def require_open(backend: Backend, filled: Filled, **settings: str) -> None:
    """Assert that every secret opens with these keys alone, also in a fresh process."""
    with closing(with_keys(backend, **settings)) as alone:
        secrets = read_secrets(alone, caller_of(alone, ADMIN_TOKEN), filled)
        assert {"odd": "é 🦉", "pw": "hunter2"} == secrets["environment"]


class TestRotate:
    def test_replaces_a_local_key(self, backend: Backend, filled: Filled, tmp_path: Path) -> None:
        """Afterwards the new key opens everything by itself; a second run has nothing to do."""
        create_key(tmp_path / "new")
        new = {"PULUMI_LOCAL_KEYS": str(tmp_path / "new")}
        old = {"STACKHOLD_UNWRAP_KEYS": f"file://{tmp_path}/data/keys/master.key"}
        with closing(with_keys(backend, **new, **old)) as both:
            first, second = (rotation.rotate(both, is_stopped=False, show=quiet) for _ in range(2))

        assert ([], []) == (first.problems, second.problems)
        assert first.rewrapped > 0
        assert (0, first.current) == (second.rewrapped, second.current)
        require_open(backend, filled, **new)

    def test_goes_from_a_file_to_kms_and_on_to_another(
        self, backend: Backend, filled: Filled, moto: Moto, tmp_path: Path
    ) -> None:
        """A local key is replaced by KMS; one key of KMS by another, which needs no further setting."""
        first, second = {"PULUMI_KMS_KEY": moto.make_key()}, {"PULUMI_KMS_KEY": moto.make_key()}
        with closing(with_keys(backend, **first, STACKHOLD_UNWRAP_KEYS=f"file://{tmp_path}/data/keys")) as both:
            assert [] == rotation.rotate(both, is_stopped=False, show=quiet).problems
        require_open(backend, filled, **first)
        with closing(with_keys(backend, **second)) as both:
            result = rotation.rotate(both, is_stopped=False, show=quiet)

        assert second["PULUMI_KMS_KEY"] == result.key_name
        assert {result.key_name: result.current} == service_keys.count_by_master_key(backend.db, both.keys)
        require_open(backend, filled, **second)

    def test_goes_to_a_new_version_in_a_vault(self, backend: Backend, filled: Filled, vault: KeyVault, tmp_path: Path) -> None:
        """Once all data keys are wrapped by the newest version, the one before can be disabled."""
        old = vault.rotate("master")
        settings = {"PULUMI_AZURE_KV_URI": vault.url, "PULUMI_AZURE_KV_KEY_NAME": "master"}
        with closing(with_keys(backend, **settings, STACKHOLD_UNWRAP_KEYS=f"file://{tmp_path}/data/keys")) as both:
            assert [] == rotation.rotate(both, is_stopped=False, show=quiet).problems
        new = vault.rotate("master")
        with closing(open_backend(backend.settings.replaced(**settings), clock=backend.clock)) as opened:
            result = rotation.rotate(opened, is_stopped=False, show=quiet)
        vault.enable("master", old, enabled=False)

        assert f"master/{new}" == result.key_name
        require_open(backend, filled, **settings)

    def test_refuses_before_a_server_knows_the_key(self, backend: Backend, filled: Filled, tmp_path: Path) -> None:
        """Servers that run with the old settings could not open what is wrapped by the new key; with --stopped there are none."""
        create_key(tmp_path / "new")
        changed = backend.settings.replaced(
            PULUMI_LOCAL_KEYS=str(tmp_path / "new"), STACKHOLD_UNWRAP_KEYS=f"file://{tmp_path}/data/keys"
        )
        with closing(open_backend(changed, clock=backend.clock)) as both:
            with pytest.raises(StartUpError, match="restart all servers with these settings first"):
                rotation.rotate(both, is_stopped=False, show=quiet)
            assert [] == rotation.rotate(both, is_stopped=True, show=quiet).problems
        require_open(backend, filled, PULUMI_LOCAL_KEYS=str(tmp_path / "new"))

    def test_leaves_alone_what_does_not_open(self, backend: Backend, filled: Filled, tmp_path: Path) -> None:
        """A data key whose master key is not at hand stays as it is and is named; the others are wrapped anew."""
        create_key(tmp_path / "new")
        with closing(with_keys(backend, PULUMI_LOCAL_KEYS=str(tmp_path / "new"), STACKHOLD_UNWRAP_KEYS=_old(tmp_path))) as both:
            make_stack(both, caller_of(both, ADMIN_TOKEN), "other")
        lines = list[str]()
        create_key(tmp_path / "third")
        third = backend.settings.replaced(
            PULUMI_LOCAL_KEYS=str(tmp_path / "third"), STACKHOLD_UNWRAP_KEYS=f"file://{tmp_path}/new"
        )
        is_well = key_commands.rotate(third, is_stopped=True, as_json=False, report=lines.append)

        assert not is_well
        assert "needs master key" in lines[0]
        assert "keep the other master keys enabled" in lines[0].splitlines()[-1]


class TestLostKey:
    def test_hurts_its_stack_alone(self, backend: Backend, admin: Caller, vault: KeyVault) -> None:
        """Secrets of a stack with a lost key are refused with the key's name and a remedy; its state and other stacks go on."""
        settings = {"PULUMI_AZURE_KV_URI": vault.url, "PULUMI_AZURE_KV_KEY_NAME": "master"}
        lost = ""
        for name in ("lost", "fine"):
            version = vault.rotate("master")
            lost = lost or version
            with closing(open_backend(backend.settings.replaced(**settings), clock=backend.clock)) as opened:
                make_stack(opened, admin, name)
        vault.enable("master", lost, enabled=False)
        with (
            closing(open_backend(backend.settings.replaced(**settings), clock=backend.clock)) as opened,
            make_client(opened) as client,
        ):
            refused = client.post("/api/stacks/acme/shop/lost/encrypt", json={"plaintext": "eA=="})
            state = client.get("/api/stacks/acme/shop/lost/export")
            fine = client.post("/api/stacks/acme/shop/fine/encrypt", json={"plaintext": "eA=="})

        assert 500 == refused.status_code
        assert f"version {lost} of Key Vault key master" in refused.json()["message"]
        assert "is disabled: enable it" in refused.json()["message"]
        assert (200, 200) == (state.status_code, fine.status_code)


def test_a_ciphertext_survives(backend: Backend, admin: Caller, filled: Filled, tmp_path: Path) -> None:
    """Values are not encrypted again: a ciphertext in a client's file opens after the change of key."""
    path = make_stack(backend, admin, "with-secret")
    ciphertext = make_ciphertext(backend, admin, path, b"kept")
    create_key(tmp_path / "new")
    with closing(with_keys(backend, PULUMI_LOCAL_KEYS=str(tmp_path / "new"), STACKHOLD_UNWRAP_KEYS=_old(tmp_path))) as both:
        rotation.rotate(both, is_stopped=False, show=quiet)
    with closing(with_keys(backend, PULUMI_LOCAL_KEYS=str(tmp_path / "new"))) as alone, make_client(alone) as client:
        reply = client.post(f"/api/stacks/{path}/decrypt", json={"ciphertext": ciphertext})

        assert {"plaintext": "a2VwdA=="} == reply.json()


def _old(tmp_path: Path) -> str:
    return f"file://{tmp_path}/data/keys"
