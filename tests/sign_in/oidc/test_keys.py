"""The public keys of issuers: which ones are used."""

from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from common.sign_in.oidc import keys
from common.sign_in.oidc.keys import InvalidKeys
from tests.peers.openid import rsa_key

PUBLIC = rsa_key("first").as_dict(private=False)


def key_set(*members: Any) -> dict[str, Any]:
    """Return a JSON Web Key Set."""
    return {"keys": list(members)}


class TestReadKeys:
    def test_returns_usable_keys(self) -> None:
        """RSA, EC and OKP keys are used, with their public members alone."""
        curve, edwards = ECKey.generate_key("P-256").as_dict(private=False), OKPKey.generate_key("Ed25519").as_dict(private=False)
        usable = keys.read_keys(key_set({**PUBLIC, "x5c": ["x"], "d": "secret"}, curve, edwards))

        assert ["RSA", "EC", "OKP"] == [key["kty"] for key in usable]
        assert {"x5c", "d"}.isdisjoint(usable[0])

    @pytest.mark.parametrize(
        "key",
        [
            7,
            {"kty": "oct", "k": "c2VjcmV0"},
            {"kty": "AKP"},
            {"kty": "RSA"},
            {"kty": "RSA", "n": "eA", "e": "AQAB"},
            {**PUBLIC, "use": "enc"},
            RSAKey.generate_key(1024, auto_kid=True).as_dict(private=False),
        ],
        ids=range(7),
    )
    def test_skips_other_keys(self, key: Any) -> None:
        """Keys for encryption, short and unreadable keys do not hide a usable one; alone they are an error."""
        assert [PUBLIC["kid"]] == [usable["kid"] for usable in keys.read_keys(key_set(key, PUBLIC))]
        with pytest.raises(InvalidKeys, match="no public key for signatures"):
            keys.read_keys(key_set(key))

    @pytest.mark.parametrize("document", [None, [], {}, {"keys": None}, {"keys": "abc"}, {"keys": {}}], ids=str)
    def test_refuses_other_documents(self, document: object) -> None:
        """A document without a list of keys is not a JSON Web Key Set."""
        with pytest.raises(InvalidKeys, match="must be a JSON Web Key Set"):
            keys.read_keys(document)

    def test_refuses_many_keys(self) -> None:
        """A set of more than a hundred keys is refused."""
        with pytest.raises(InvalidKeys, match="may have at most 100 keys, not 101"):
            keys.read_keys(key_set(*[PUBLIC] * 101))


class TestReadRegisteredKeys:
    @pytest.mark.parametrize("secret", [rsa_key("first").as_dict(private=True), {"kty": "oct", "k": "c2VjcmV0"}])
    def test_refuses_private_keys(self, secret: dict[str, Any]) -> None:
        """A private or secret key beside a public one is refused, because only the issuer may know it."""
        with pytest.raises(InvalidKeys, match="private or secret key"):
            keys.read_registered_keys(key_set(PUBLIC, secret))


class TestDecode:
    def test_returns_what_was_encoded(self) -> None:
        """Keys survive being stored; without stored keys the list is empty."""
        assert keys.read_keys(key_set(PUBLIC)) == keys.decode(keys.encode(keys.read_keys(key_set(PUBLIC))))
        assert [] == keys.decode(None)
