import os
import time
from pathlib import Path

import pytest

from common.core.errors import StartUpError, Unavailable
from common.ports.keys import KeyUnusable
from common.ports.keys.azure_key_vault import KeyVault as Driver
from common.ports.keys.azure_key_vault import VaultKey
from tests.hosts.identity import ManagedIdentity
from tests.hosts.keyvault import KeyVault

PLAIN = bytes(range(32))


def driver(vault: KeyVault, version: str = "") -> Driver:
    """A driver as a process that has just started has it."""
    return Driver(VaultKey(vault.url, "master", version))


class TestWrap:
    def test_costs_one_call_for_the_public_key(self, vault: KeyVault) -> None:
        """The public half is fetched once; further keys are wrapped without the vault."""
        vault.rotate("master")
        keys = driver(vault)

        assert 3 == len({keys.wrap(PLAIN, "stack:1") for _ in range(3)})
        assert 1 == len(vault.log)

    def test_notices_a_rotation_after_a_while(self, vault: KeyVault, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without a configured version the latest wraps, and which one that is is asked again every few minutes."""
        vault.rotate("master")
        keys = driver(vault)
        keys.wrap(PLAIN, "stack:1")
        latest = vault.rotate("master")
        later = time.time() + 301
        monkeypatch.setattr(time, "time", lambda: later)

        assert f"master/{latest}".encode() in keys.wrap(PLAIN, "stack:1")

    def test_fits_its_column(self, vault: KeyVault) -> None:
        """A wrapped key has room in 2048 bytes, with a name of any length."""
        name = "m" * 127
        vault.rotate(name)

        assert 2048 > len(Driver(VaultKey(vault.url, name)).wrap(PLAIN, "stack:1"))


class TestUnwrap:
    def test_is_one_call(self, vault: KeyVault) -> None:
        """A process that has just started unwraps with one call of the vault, and needs no public key for it."""
        vault.rotate("master")
        wrapped = driver(vault).wrap(PLAIN, "stack:1")
        vault.log.clear()

        assert PLAIN == driver(vault).unwrap(wrapped, "stack:1")
        assert 1 == len(vault.log)

    def test_wants_the_same_context(self, vault: KeyVault) -> None:
        """A key of one stack does not open as that of another."""
        vault.rotate("master")
        keys = driver(vault)

        with pytest.raises(KeyUnusable, match="belongs to another record"):
            keys.unwrap(keys.wrap(PLAIN, "stack:1"), "stack:2")

    @pytest.mark.parametrize("damage", ["", "01" * 60, "0375", "037a" + "41" * 20, "037500", "037541" + "2f" * 80])
    def test_refuses_what_it_did_not_wrap(self, vault: KeyVault, damage: str) -> None:
        """Whatever is no record of this driver is refused without a call."""
        with pytest.raises(KeyUnusable, match="damaged, or was wrapped by another kind"):
            driver(vault).unwrap(bytes.fromhex(damage), "stack:1")
        assert [] == vault.log

    def test_refuses_damaged_bytes(self, vault: KeyVault) -> None:
        """What the vault cannot decrypt is said to be damaged, naming key and version."""
        version = vault.rotate("master")
        keys = driver(vault)
        wrapped = bytearray(keys.wrap(PLAIN, "stack:1"))
        wrapped[-1] ^= 1

        with pytest.raises(KeyUnusable, match=f"refused decrypt with version {version}.*damaged"):
            keys.unwrap(bytes(wrapped), "stack:1")


class TestOperations:
    def test_of_an_existing_installation_do(self, vault: KeyVault) -> None:
        """A key that allows encrypt and decrypt only, as the original asks for, is used by decrypt."""
        vault.rotate("master", ("encrypt", "decrypt"))
        keys = driver(vault)

        assert PLAIN == keys.unwrap(keys.wrap(PLAIN, "stack:1"), "stack:1")
        assert 1 == len(vault.calls("decrypt"))

    @pytest.mark.parametrize(
        "permissions", [{"get", "encrypt", "decrypt"}, {"get", "wrapkey", "unwrapkey"}], ids=["documented", "wrapping"]
    )
    def test_that_the_identity_may_use_suffice(self, vault: KeyVault, permissions: set[str]) -> None:
        """An identity with exactly Get, Encrypt and Decrypt, as the original documents, starts; so does one that may wrap."""
        vault.rotate("master")
        vault.permissions = permissions
        keys = driver(vault)

        keys.check()
        assert PLAIN == keys.unwrap(keys.wrap(PLAIN, "stack:1"), "stack:1")

    def test_that_are_refused_are_not_tried_each_time(self, vault: KeyVault) -> None:
        """The operation that the vault allowed is the first to be tried from then on."""
        vault.rotate("master")
        vault.permissions = {"get", "unwrapkey"}
        keys = driver(vault)
        keys.check()
        wrapped = keys.wrap(PLAIN, "stack:1")
        vault.log.clear()

        assert PLAIN == keys.unwrap(wrapped, "stack:1")
        assert 1 == len(vault.log)

    def test_that_are_recorded_cost_a_fresh_process_one_call(self, vault: KeyVault) -> None:
        """Where the identity may only wrap and unwrap, records say so, and a process that has just started asks once."""
        vault.rotate("master")
        vault.permissions = {"get", "wrapkey", "unwrapkey"}
        keys = driver(vault)
        keys.check()
        wrapped = keys.wrap(PLAIN, "stack:1")
        vault.log.clear()

        assert PLAIN == driver(vault).unwrap(wrapped, "stack:1")
        assert 1 == len(vault.log)

    def test_that_wrapped_earlier_open_with_the_documented_rights(self, vault: KeyVault) -> None:
        """Keys that an earlier release wrapped for unwrapKey open by decrypt."""
        vault.rotate("master")
        wrapped = bytearray(driver(vault).wrap(PLAIN, "stack:1"))
        wrapped[1:2] = b"u"
        vault.permissions = {"get", "encrypt", "decrypt"}

        assert PLAIN == driver(vault).unwrap(bytes(wrapped), "stack:1")

    @pytest.mark.parametrize("permissions", [{"get"}, {"get", "encrypt", "wrapkey"}], ids=["get", "encrypt only"])
    def test_that_the_identity_lacks_stop_the_start(self, vault: KeyVault, permissions: set[str]) -> None:
        """A trial shows at the start that nothing could be decrypted; the vault and what to grant are named."""
        vault.rotate("master")
        vault.permissions = permissions

        with pytest.raises(
            StartUpError, match="grant this program's identity the key permissions Get, Encrypt and Decrypt"
        ) as refusal:
            driver(vault).check()
        assert vault.url in str(refusal.value)

    @pytest.mark.parametrize("operations", [("encrypt",), ("sign", "verify"), ("wrapKey", "decrypt"), ()])
    def test_that_do_not_suffice_stop_the_start(self, vault: KeyVault, operations: tuple[str, ...]) -> None:
        """A key that could encrypt and never decrypt is refused at the start, with what is missing."""
        vault.rotate("master", operations)

        with pytest.raises(StartUpError, match="must include encrypt and decrypt, or wrapKey and unwrapKey"):
            driver(vault).check()


class TestCheck:
    def test_passes_with_a_good_key(self, vault: KeyVault) -> None:
        """A good key passes a trial: its public half is fetched, and the vault decrypts once."""
        version = vault.rotate("master")

        assert f"master/{version}" == driver(vault).check()
        assert ["GET", "POST"] == [method for method, _ in vault.log]

    def test_refuses_an_absent_key(self, vault: KeyVault) -> None:
        """An absent key is named."""
        with pytest.raises(StartUpError, match=r"version latest of Key Vault key master in .* does not exist"):
            driver(vault).check()

    def test_refuses_a_disabled_version(self, vault: KeyVault) -> None:
        """A configured version that is disabled is named."""
        version = vault.rotate("master")
        vault.enable("master", version, enabled=False)

        with pytest.raises(StartUpError, match=f"version {version} of Key Vault key master in .* is disabled"):
            driver(vault, version).check()

    @pytest.mark.parametrize(
        ("attribute", "value", "said"), [("exp", 1, "expired at 1970"), ("nbf", 1 << 33, "not valid before")]
    )
    def test_refuses_a_key_out_of_time(self, vault: KeyVault, attribute: str, value: int, said: str) -> None:
        """A key that may not encrypt any more, or not yet, is refused."""
        version = vault.rotate("master")
        vault.keys["master"][version].attributes[attribute] = value

        with pytest.raises(StartUpError, match=said):
            driver(vault).check()

    @pytest.mark.parametrize(
        ("uri", "name", "version", "setting"),
        [
            ("http://acme.vault.azure.net", "master", "", "PULUMI_AZURE_KV_URI"),
            ("acme", "master", "", "PULUMI_AZURE_KV_URI"),
            ("https://acme.vault.azure.net/keys/master", "master", "", "PULUMI_AZURE_KV_URI"),
            ("https://acme.vault.azure.net", "", "", "PULUMI_AZURE_KV_KEY_NAME"),
            ("https://acme.vault.azure.net", "a/b", "", "PULUMI_AZURE_KV_KEY_NAME"),
            ("https://acme.vault.azure.net/", "master", "v 1", "PULUMI_AZURE_KV_KEY_VERSION"),
        ],
    )
    def test_refuses_misspelled_settings(self, uri: str, name: str, version: str, setting: str) -> None:
        """What cannot be an address, a name or a version is refused before anything is asked, naming the setting."""
        with pytest.raises(StartUpError, match=setting):
            Driver(VaultKey(uri, name, version))


class TestTrouble:
    def test_that_passes_is_not_noticed(self, vault: KeyVault) -> None:
        """A throttled call is repeated."""
        vault.rotate("master")
        keys = driver(vault)
        wrapped = keys.wrap(PLAIN, "stack:1")
        vault.fail_next(1, 429)

        assert PLAIN == keys.unwrap(wrapped, "stack:1")

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_that_lasts_can_be_repeated_by_the_client(self, vault: KeyVault, status: int) -> None:
        """A vault that goes on refusing is unavailable, after a few attempts."""
        vault.rotate("master")
        keys = driver(vault)
        wrapped = keys.wrap(PLAIN, "stack:1")
        vault.log.clear()
        vault.fail_next(10, status)

        with pytest.raises(Unavailable, match=f"status {status}"):
            keys.unwrap(wrapped, "stack:1")
        assert 3 == len(vault.log)

    def test_of_the_network_can_be_repeated(self, vault: KeyVault, managed_identity: ManagedIdentity) -> None:
        """A vault that does not answer is unavailable."""
        with pytest.raises(Unavailable, match="does not answer"):
            Driver(VaultKey("https://127.0.0.1:1", "master")).wrap(PLAIN, "stack:1")

    def test_of_the_identity_is_said(self, vault: KeyVault, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Without an identity the message says so, and there is no other error."""
        vault.rotate("master")
        monkeypatch.delenv("IDENTITY_ENDPOINT")
        monkeypatch.delenv("IDENTITY_HEADER")
        # Azure's own metadata address is no place for a test to ask, nor is a command line that happens to be signed in.
        monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
        monkeypatch.setenv("PATH", str(tmp_path))

        with pytest.raises(Unavailable, match="does not accept this program's identity"):
            driver(vault).wrap(PLAIN, "stack:1")


class TestRotation:
    """Keys that were rotated."""

    def test_leaves_old_keys_alone(self, vault: KeyVault) -> None:
        """A wrapped key names the full version that wrapped it, and unwrapping asks for exactly that one."""
        first = vault.rotate("master")
        a = driver(vault).wrap(PLAIN, "stack:a")
        second = vault.rotate("master")
        b = driver(vault).wrap(PLAIN, "stack:b")

        assert PLAIN == driver(vault).unwrap(a, "stack:a")
        assert PLAIN == driver(vault).unwrap(b, "stack:b")
        assert [f"/keys/master/{version}/decrypt" for version in (first, second)] == vault.calls("decrypt")

    def test_with_the_old_version_disabled_says_what_to_enable(self, vault: KeyVault) -> None:
        """A disabled version is named, with the advice to enable it and the comfort that nothing is lost."""
        first = vault.rotate("master")
        a = driver(vault).wrap(PLAIN, "stack:a")
        vault.rotate("master")
        b = driver(vault).wrap(PLAIN, "stack:b")
        vault.enable("master", first, enabled=False)

        with pytest.raises(
            KeyUnusable, match=f"version {first} of Key Vault key master in .* is disabled: enable it; nothing is lost"
        ):
            driver(vault).unwrap(a, "stack:a")
        assert PLAIN == driver(vault).unwrap(b, "stack:b")

    def test_tells_old_records_from_new_ones(self, vault: KeyVault) -> None:
        """What an older version wrapped is not current; with that version configured it is."""
        first = vault.rotate("master")
        wrapped = driver(vault).wrap(PLAIN, "stack:a")
        vault.rotate("master")

        assert not driver(vault).is_current(wrapped)
        assert driver(vault, first).is_current(wrapped)

    def test_with_a_pinned_version_concerns_wrapping_only(self, vault: KeyVault) -> None:
        """A configured version wraps new keys; what other versions wrapped they go on unwrapping."""
        vault.rotate("master")
        a = driver(vault).wrap(PLAIN, "stack:a")
        second = vault.rotate("master")
        vault.rotate("master")
        pinned = driver(vault, second)

        assert f"master/{second}".encode() in pinned.wrap(PLAIN, "stack:b")
        assert PLAIN == pinned.unwrap(a, "stack:a")


def test_tokens_come_from_the_managed_identity(vault: KeyVault, managed_identity: ManagedIdentity) -> None:
    """The SDK's own chain of credentials finds the identity of the function."""
    vault.rotate("master")
    driver(vault).check()

    assert [vault.resource] == managed_identity.issued
    assert "IDENTITY_ENDPOINT" in os.environ
