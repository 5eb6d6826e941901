"""The client's passphrase secrets provider: AES-256-GCM under a key that PBKDF2 derives from a passphrase and a salt.

Source: NewPassphraseSecretsManager in pkg/secrets/passphrase/manager.go and sdk/go/common/resource/config/crypt.go at v3.276.0.
"""

import os
from base64 import b64decode, b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

TYPE = "passphrase"
_VERSION = "v1"
_ITERATIONS = 1_000_000
_KEY_BYTES, _SALT_BYTES, _NONCE_BYTES = 32, 8, 12
# What a salt is kept with, encrypted, so that a client can tell a wrong passphrase.
_PROOF = b"pulumi"


class PassphraseCrypter:
    """Encrypts and decrypts as the client does with one passphrase and one salt; `salt` is the text that it keeps."""

    def __init__(self, passphrase: str, salt: str = "") -> None:
        """Derive the key, with a new salt unless there is one. ValueError for a passphrase that is not the one of the salt."""
        raw = b64decode(salt.split(":")[1]) if salt else os.urandom(_SALT_BYTES)
        key = PBKDF2HMAC(SHA256(), _KEY_BYTES, raw, _ITERATIONS).derive(passphrase.encode())
        self._cipher = AESGCM(key)
        self.salt = salt or f"{_VERSION}:{b64encode(raw).decode()}:{self.encrypt(_PROOF)}"
        if salt and self.decrypt(salt.split(":", 2)[2]) != _PROOF:
            raise ValueError("incorrect passphrase")

    def encrypt(self, plaintext: bytes) -> str:
        """Return the ciphertext of a value."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, plaintext, None)
        return f"{_VERSION}:{b64encode(nonce).decode()}:{b64encode(sealed).decode()}"

    def decrypt(self, ciphertext: str) -> bytes:
        """Return the plaintext of a value; ValueError for one of another passphrase."""
        _version, nonce, sealed = ciphertext.split(":")
        try:
            return self._cipher.decrypt(b64decode(nonce), b64decode(sealed), None)
        except InvalidTag:
            raise ValueError("incorrect passphrase") from None
