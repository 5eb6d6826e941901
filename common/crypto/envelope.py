"""The only format of ciphertext: how one value of one owner is sealed and opened.

A sealed value is a version byte, a nonce from the system and the bytes of AES-256-GCM. It is bound to its owner (a
stack's unchangeable id), so a value copied from another stack does not open. Every value that does not open is refused
with one text and by one path of code: an answer does not show why.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from common.core.errors import BadRequest

REFUSAL = "the value cannot be decrypted: it belongs to another stack, or it is damaged"
_VERSION = b"\x01"
# 96 random bits never repeat in practice below 2^32 values under one key (NIST SP 800-38D, 8.3); each stack has its own key.
_NONCE_BYTES = 12
_TAG_BYTES = 16
_SHORTEST_BYTES = len(_VERSION) + _NONCE_BYTES + _TAG_BYTES
_NEVER_VALID = bytes(_SHORTEST_BYTES)


class Envelope:
    """Seals and opens the values of one owner with its data key, which cannot be read back out of it."""

    __slots__ = ("_bound_to", "_cipher")

    def __init__(self, key: bytes, owner: str) -> None:
        """Take the plain data key, 32 bytes, and the owner's id."""
        self._cipher = AESGCM(key)
        self._bound_to = _VERSION + owner.encode()

    def seal(self, plain: bytes) -> bytes:
        """Return the value sealed; never empty, and never the same twice."""
        nonce = os.urandom(_NONCE_BYTES)
        return b"".join((_VERSION, nonce, self._cipher.encrypt(nonce, plain, self._bound_to)))

    def open(self, sealed: bytes) -> bytes:
        """Return the plain value; raises BadRequest when it was not sealed for this owner or is damaged."""
        if len(sealed) < _SHORTEST_BYTES or sealed[:1] != _VERSION:
            sealed = _NEVER_VALID  # Fails below like any other: the work is done before the refusal, whatever is wrong.
        nonce, rest = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, rest, self._bound_to)
        except InvalidTag:
            raise BadRequest(REFUSAL) from None
