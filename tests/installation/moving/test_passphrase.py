"""The client's passphrase provider. tests/e2e/test_moving.py has the client open what this module encrypts."""

import pytest

from common.installation.moving.passphrase import PassphraseCrypter

# Made by the client: `pulumi config set --secret` with this passphrase, v3.276.0.
PASSPHRASE = "correct horse battery staple"


def test_a_value_comes_back_with_the_same_passphrase_alone() -> None:
    """The salt tells a wrong one at once."""
    crypter = PassphraseCrypter(PASSPHRASE)
    ciphertext = crypter.encrypt(b"1234")

    assert b"1234" == PassphraseCrypter(PASSPHRASE, crypter.salt).decrypt(ciphertext)
    assert ciphertext != crypter.encrypt(b"1234")
    with pytest.raises(ValueError, match="incorrect passphrase"):
        PassphraseCrypter("another", crypter.salt)
