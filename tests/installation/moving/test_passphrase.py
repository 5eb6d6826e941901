"""The client's passphrase provider. tests/e2e/test_moving.py has the client open what this module encrypts."""

import pytest

from common.installation.moving.passphrase import PassphraseCrypter

# Made by the client, v3.276.0: what `pulumi config set --secret pin 4711` wrote with this passphrase.
PASSPHRASE = "correct horse battery staple"
SALT = "v1:45Vg5BZo47A=:v1:7AdEf5WcXSqFWzG4:A5hP/Sj9l+8P4dkBzfCEQ/3Os3zUxQ=="
PIN = "v1:s7xp8j+RGP/VZAJ/:e14uEfDxYVHSXfk0iB8zbBG7nPs="


def test_a_value_of_the_client_opens() -> None:
    """The salt holds a proof of the passphrase, and the value its own nonce."""
    assert b"4711" == PassphraseCrypter(PASSPHRASE, SALT).decrypt(PIN)


def test_a_value_comes_back_with_the_same_passphrase_alone() -> None:
    """The salt tells a wrong one at once."""
    crypter = PassphraseCrypter(PASSPHRASE)
    ciphertext = crypter.encrypt(b"1234")

    assert b"1234" == PassphraseCrypter(PASSPHRASE, crypter.salt).decrypt(ciphertext)
    assert ciphertext != crypter.encrypt(b"1234")
    with pytest.raises(ValueError, match="incorrect passphrase"):
        PassphraseCrypter("another", crypter.salt)
