"""Keys of AWS KMS that sign identity tokens, with the overlap of keys in the database."""

import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from common.backend import Backend
from common.core.errors import StartUpError
from common.oidc_issuer import keys, tokens
from common.oidc_issuer.model import Issuer
from common.ports.aws import Access
from common.ports.keys import KeyUnusable
from common.ports.keys.aws_kms_signer import KMSSigner
from tests.aws.fixtures import moto, moto_process
from tests.aws.moto_process import CREDENTIALS, REGION, Moto
from tests.clocks import FrozenClock
from tests.environments.providers.opening import claims_of

__all__ = ["moto", "moto_process"]
DAY_SECONDS = 86_400
# One AWS serves the tests of both databases.
pytestmark = pytest.mark.dialects("sqlite")


class CountingSigner(KMSSigner):
    """Counts the calls."""

    def __init__(self, key: str, access: Access) -> None:
        super().__init__(key, access)
        self.calls: list[str] = []

    def public_key(self) -> tuple[str, bytes]:
        """Return the public key."""
        self.calls.append("public key")
        return super().public_key()

    def sign(self, key: str, message: bytes) -> bytes:
        """Return the signature."""
        self.calls.append("sign")
        return super().sign(key, message)


@pytest.fixture
def signer(moto: Moto, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], CountingSigner]:
    """What returns the signer of a setting."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return lambda key: CountingSigner(key, Access(REGION, moto.url))


def make_key(moto: Moto, usage: str = "SIGN_VERIFY", spec: str = "RSA_2048") -> str:
    """Make an asymmetric key and return its ARN."""
    return str(moto.client("kms").create_key(KeyUsage=usage, KeySpec=spec)["KeyMetadata"]["Arn"])


def published(backend: Backend) -> list[str]:
    """Return the ids of the published keys."""
    return [key.kid for key in keys.list_published(backend, Issuer.LOGIN)]


def signed_by(backend: Backend) -> str:
    """Return the key of the settings that signs a token, after a check of the token with what is published."""
    token = tokens.sign(backend, Issuer.LOGIN, {"sub": "a", "aud": "aws:acme"}, 60)
    assert claims_of(backend, token)["sub"] == "a"
    return keys.current_key(backend, Issuer.LOGIN).remote[0]


class TestRemoteKeys:
    def test_sign_with_one_call(self, backend: Backend, moto: Moto, signer: Callable[[str], CountingSigner]) -> None:
        """The public key is read once; a token costs the signature alone, and nothing of the private key is stored."""
        kms = signer(make_key(moto))
        backend = replace(backend, signer=kms)
        assert [signed_by(backend) for _ in range(2)] == [kms.name] * 2

        assert kms.calls == ["public key", "sign", "sign"]
        assert [key.remote for key in keys.list_published(backend, Issuer.LOGIN)] == [(kms.name, kms.name)]

    def test_are_replaced_with_an_overlap(
        self, backend: Backend, moto: Moto, signer: Callable[[str], CountingSigner], clock: FrozenClock
    ) -> None:
        """A key that the settings name, or name no longer, is published a day before another takes over, and two days after."""
        settings = ["", make_key(moto), make_key(moto), ""]
        current, before = "", published(backend)
        for setting in settings[1:]:
            backend = replace(backend, signer=signer(setting))
            assert signed_by(backend) == current
            both = published(backend)
            assert (both[:1], len(both)) == (before, 2)
            clock.pass_seconds(DAY_SECONDS)
            assert signed_by(backend) == setting
            clock.pass_seconds(2 * DAY_SECONDS)
            assert signed_by(backend) == setting
            current, before = setting, published(backend)
            assert before == both[1:]

    def test_of_two_settings_do_not_chase_each_other(
        self, backend: Backend, moto: Moto, signer: Callable[[str], CountingSigner], clock: FrozenClock
    ) -> None:
        """While processes with the old and the new setting run side by side, each signs with a key that is published."""
        old, new = (replace(backend, signer=signer(make_key(moto))) for _ in range(2))
        for _ in range(3):
            assert signed_by(old) == signed_by(new) == old.signer.name
        clock.pass_seconds(DAY_SECONDS)

        assert (signed_by(old), signed_by(new)) == (old.signer.name, new.signer.name)
        assert len(published(old)) == 2
        clock.pass_seconds(10 * DAY_SECONDS)
        # A process that was left behind keeps the key it signs with.
        assert (signed_by(old), signed_by(old)) == (old.signer.name, old.signer.name)

    def test_that_cannot_be_used_leave_the_others(
        self, backend: Backend, moto: Moto, signer: Callable[[str], CountingSigner]
    ) -> None:
        """A key that encrypts, or that is absent, is an error; the key before it goes on signing."""
        for key in (make_key(moto, "ENCRYPT_DECRYPT"), make_key(moto, spec="ECC_NIST_P256"), "alias/absent"):
            with pytest.raises(KeyUnusable, match="AWS KMS"):
                published(replace(backend, signer=signer(key)))
        published(backend)

        assert signed_by(replace(backend, signer=signer("alias/absent"))) == ""

    def test_sign_long_messages_by_their_hash(self, moto: Moto, signer: Callable[[str], CountingSigner]) -> None:
        """KMS hashes 4,096 bytes at most itself. The stand-in takes what it is sent as a message all the same."""
        key, message = make_key(moto), b"x" * 4097

        assert signer(key).sign(key, message) == signer(key).sign(key, hashlib.sha256(message).digest())

    def test_are_named_by_arn_id_or_alias(self) -> None:
        """Another text is refused at the start."""
        with pytest.raises(StartUpError, match="STACKHOLD_SIGNING_KEY must be the ARN"):
            KMSSigner("my key", Access(REGION))
