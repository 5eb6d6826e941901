from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace

import pytest

from common.backend import Backend
from common.core.errors import BadRequest, NotFound, TooLarge
from common.crypto.envelope import REFUSAL
from common.ports.keys import KeyService, KeyUnusable
from common.ports.keys.data_keys import DataKeys
from common.ports.keys.local import LocalKey
from common.rights.caller import Caller
from common.rights.permissions import Role
from common.stacks import sealed_values
from common.stacks.model import StackPath
from common.stacks.service import lifecycle, secrets
from tests.factories.people import caller_of, make_user

DEV, PROD = StackPath("acme", "shop", "dev"), StackPath("acme", "shop", "prod")


@pytest.fixture(autouse=True)
def stacks(backend: Backend, admin: Caller) -> None:
    """The stacks dev and prod in acme's project shop."""
    for path in (DEV, PROD):
        lifecycle.create(backend, admin, path.org, path.project, lifecycle.NewStack(path.name, {}))


class CountingKeys:
    """A key driver that counts its calls."""

    def __init__(self, backend: Backend) -> None:
        self.inner, self.calls = backend.keys, 0

    def wrap(self, plain_key: bytes, context: str) -> bytes:
        self.calls += 1
        return self.inner.wrap(plain_key, context)

    def unwrap(self, wrapped_key: bytes, context: str) -> bytes:
        self.calls += 1
        return self.inner.unwrap(wrapped_key, context)

    def check(self) -> str:
        return self.inner.check()

    def name_of(self, wrapped_key: bytes) -> str:
        return self.inner.name_of(wrapped_key)

    def is_current(self, wrapped_key: bytes) -> bool:
        return self.inner.is_current(wrapped_key)

    def load(self) -> None:
        self.inner.load()


def cold(backend: Backend) -> tuple[Backend, CountingKeys]:
    """Return a process that has just started on the same installation, and what counts its key calls."""
    counting = CountingKeys(backend)
    keys = KeyService(counting)
    return replace(backend, keys=keys, data_keys=DataKeys(keys, backend.clock)), counting


def encrypt(backend: Backend, caller: Caller, path: StackPath, plain: bytes = b"hunter2") -> str:
    """Return a value sealed for a stack, as the wire spells it."""
    return b64encode(secrets.encrypt(backend, caller, path, plain)).decode()


def decrypt(backend: Backend, caller: Caller, path: StackPath, ciphertext: str) -> bytes:
    """Return a value in clear."""
    return secrets.decrypt(backend, caller, path, ciphertext)


def batch_decrypt(backend: Backend, caller: Caller, path: StackPath, ciphertexts: list[str]) -> dict[str, bytes]:
    """Return values in clear under their ciphertexts."""
    return secrets.batch_decrypt(backend, caller, path, ciphertexts)


class TestEncrypt:
    @pytest.mark.parametrize("plain", [b"", b"\x00\xff\xfe", bytes(range(256)), bytes(range(250)) * 1_200])
    def test_any_bytes_survive(self, backend: Backend, admin: Caller, plain: bytes) -> None:
        """A value comes back as it was, whatever bytes it has; an empty one too."""
        ciphertext = encrypt(backend, admin, DEV, plain)

        assert ciphertext
        assert plain == decrypt(backend, admin, DEV, ciphertext)

    def test_has_a_limit(self, backend: Backend, admin: Caller) -> None:
        """A value of the limit's size passes both ways, one byte more is refused."""
        largest = bytes(sealed_values.VALUE_LIMIT_BYTES)

        assert largest == decrypt(backend, admin, DEV, encrypt(backend, admin, DEV, largest))
        with pytest.raises(TooLarge, match="16,777,216 bytes"):
            encrypt(backend, admin, DEV, largest + b"x")


class TestDecrypt:
    def test_refuses_whatever_is_wrong_with_one_text(self, backend: Backend, admin: Caller) -> None:
        """A foreign, damaged or senseless value is refused with one text that names both causes."""
        good = encrypt(backend, admin, DEV)
        swapped = good[:-4] + good[-4:][::-1].replace("=", "A")
        bad = [
            encrypt(backend, admin, PROD),
            "",
            "AAAA",
            "not base64!",
            "é",
            good[:-8],
            good + "AAAA",
            good + "\n",
            swapped,
            b64encode(b"x" * 100).decode(),
            good.rstrip("=") + "====",
            " " + good,
        ]
        for value in bad:
            with pytest.raises(BadRequest) as caught:
                decrypt(backend, admin, DEV, value)
            assert f"Bad Request: {REFUSAL}" == caught.value.message

    def test_refuses_a_value_of_any_size(self, backend: Backend, admin: Caller) -> None:
        """A ciphertext that no value within the limit can have is too large."""
        with pytest.raises(TooLarge):
            decrypt(backend, admin, DEV, "A" * (sealed_values.VALUE_LIMIT_BYTES * 2))

    def test_refuses_a_spelling_no_encoder_gives(self, backend: Backend, admin: Caller) -> None:
        """Two texts never stand for one value: bits that base64 leaves unused must be zero."""
        good = next(c for c in (encrypt(backend, admin, DEV, bytes(size)) for size in range(3)) if c.endswith("=="))
        respelled = good[:-3] + chr(ord(good[-3]) + 1) + "=="

        with pytest.raises(BadRequest, match="damaged"):
            decrypt(backend, admin, DEV, respelled)

    def test_a_stack_that_takes_the_name_has_another_key(self, backend: Backend, admin: Caller) -> None:
        """A value of a deleted stack does not open on a new one of the same name."""
        old = encrypt(backend, admin, DEV)
        lifecycle.delete(backend, admin, DEV, force=True)
        lifecycle.create(backend, admin, "acme", "shop", lifecycle.NewStack("dev", {}))

        with pytest.raises(BadRequest):
            decrypt(backend, admin, DEV, old)

    def test_survives_a_rename_under_both_names(self, backend: Backend, admin: Caller) -> None:
        """After a rename a value opens under the new name and the former one, until another stack takes that."""
        old = encrypt(backend, admin, DEV)
        lifecycle.rename(backend, admin, DEV, "stage", "web")
        stage = StackPath("acme", "web", "stage")

        assert [b"hunter2"] * 2 == [decrypt(backend, admin, path, old) for path in (stage, DEV)]
        lifecycle.create(backend, admin, "acme", "shop", lifecycle.NewStack("dev", {}))
        with pytest.raises(BadRequest):
            decrypt(backend, admin, DEV, old)
        assert b"hunter2" == decrypt(backend, admin, stage, old)

    def test_blames_the_server_for_a_lost_master_key(self, backend: Backend, admin: Caller) -> None:
        """When the master key is another one, the value is not called damaged."""
        good = encrypt(backend, admin, DEV)
        keys = KeyService(LocalKey(bytes(32)))
        with pytest.raises(KeyUnusable):
            decrypt(replace(backend, keys=keys, data_keys=DataKeys(keys, backend.clock)), admin, DEV, good)


class TestBatches:
    def test_keep_order_and_spelling(self, backend: Backend, admin: Caller) -> None:
        """Ciphertexts come in the order of the values, and plaintexts under the keys that were sent, doubles once."""
        plains = [b"one", b"two", b"one", b"", b"\xff"]
        sealed = secrets.batch_encrypt(backend, admin, DEV, plains)
        sent = [b64encode(value).decode() for value in sealed]
        found = batch_decrypt(backend, admin, DEV, [*sent, sent[0]])

        assert len(plains) == len(set(sent)) == len(found)
        assert plains == [found[text] for text in sent]

    def test_may_be_empty(self, backend: Backend, admin: Caller) -> None:
        """A batch without values has an empty result."""
        assert [] == secrets.batch_encrypt(backend, admin, DEV, [])
        assert {} == secrets.batch_decrypt(backend, admin, DEV, [])

    @pytest.mark.parametrize("bad", ["", "!", None])
    def test_fail_as_a_whole(self, backend: Backend, admin: Caller, bad: str | None) -> None:
        """One value that cannot be opened fails the batch; nothing of the others is told."""
        with pytest.raises(BadRequest) as caught:
            batch_decrypt(backend, admin, DEV, [encrypt(backend, admin, DEV), bad or encrypt(backend, admin, PROD)])

        assert f"Bad Request: {REFUSAL}" == caught.value.message

    def test_have_a_limit(self, backend: Backend, admin: Caller) -> None:
        """More values than the limit are too large, before any is worked on."""
        with pytest.raises(TooLarge, match="20,000 values"):
            secrets.batch_encrypt(backend, admin, DEV, [b""] * 20_001)
        with pytest.raises(TooLarge, match="20,001"):
            batch_decrypt(backend, admin, DEV, ["!"] * 20_001)


class TestKeyCalls:
    def test_are_one_for_a_cold_process(self, backend: Backend, admin: Caller) -> None:
        """Any number of values, one by one and in batches, of whatever goodness, costs one call in a process's life."""
        values = [encrypt(backend, admin, DEV, b"%d" % number) for number in range(670)]
        foreign = encrypt(backend, admin, PROD)
        process, counting = cold(backend)
        for value in values:
            decrypt(process, admin, DEV, value)
        batch_decrypt(process, admin, DEV, list(values))
        for bad in (foreign, "", "AAAA", "not base64!"):
            with pytest.raises(BadRequest):
                decrypt(process, admin, DEV, bad)

        assert 1 == counting.calls


class TestPermissions:
    @pytest.mark.parametrize("path", [DEV, StackPath("acme", "shop", "none"), StackPath("unknown", "shop", "dev")])
    def test_strangers_learn_nothing(self, backend: Backend, admin: Caller, path: StackPath) -> None:
        """A stack of others and one that does not exist are refused alike, by every call."""
        mallory = caller_of(backend, make_user(backend, "mallory"))
        calls: list[Callable[[], object]] = [
            lambda: secrets.encrypt(backend, mallory, path, b"x"),
            lambda: decrypt(backend, mallory, path, encrypt(backend, admin, DEV)),
            lambda: secrets.batch_encrypt(backend, mallory, path, []),
            lambda: batch_decrypt(backend, mallory, path, []),
            lambda: secrets.log_decryption(backend, mallory, path),
        ]
        for call in calls:
            with pytest.raises(NotFound) as caught:
                call()
            assert f"Not Found: Stack '{path}' not found" == caught.value.message

    def test_members_may_use_the_stacks_of_their_organization(self, backend: Backend, admin: Caller) -> None:
        """A member encrypts and decrypts for stacks that colleagues made."""
        alice = caller_of(backend, make_user(backend, "alice", org="acme"))

        assert b"hunter2" == decrypt(backend, alice, DEV, encrypt(backend, admin, DEV))
        secrets.log_decryption(backend, alice, DEV)

    def test_billing_managers_may_not(self, backend: Backend, admin: Caller) -> None:
        """A role without stacks decrypts nothing."""
        bob = caller_of(backend, make_user(backend, "bob", org="acme", role=Role.BILLING_MANAGER))

        with pytest.raises(NotFound):
            decrypt(backend, bob, DEV, encrypt(backend, admin, DEV))
