"""The only format of ciphertext: how one value of one owner is sealed and opened.

A sealed value is a version byte, a nonce from the system and the bytes of AES-256-GCM. It is bound to its owner (a
stack's unchangeable id), so a value copied from another stack does not open. Every value that does not open is refused
with one text and by one path of code: an answer does not show why.
"""

import hashlib
import hmac
import os
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from common.core.errors import BackendError, BadRequest
from common.crypto.model import OtherKeys

REFUSAL = "the value cannot be decrypted: it belongs to another stack, or it is damaged"
_VERSION = b"\x01"
# 96 random bits never repeat in practice below 2^32 values under one key (NIST SP 800-38D, 8.3); each stack has its own key.
_NONCE_BYTES = 12
_TAG_BYTES = 16
_SHORTEST_BYTES = len(_VERSION) + _NONCE_BYTES + _TAG_BYTES
_NEVER_VALID = bytes(_SHORTEST_BYTES)


class Envelope:
    """Seals and opens the values of one owner with its data key, which cannot be read back out of it.

    Keys that the owner had before open values too; they are loaded for the first value that the present key does not open.
    """

    __slots__ = ("_bound_to", "_cipher", "_find_others", "_nonce_key", "_others", "_problem")

    def __init__(self, key: bytes, owner: str, find_others: Callable[[], OtherKeys] = OtherKeys) -> None:
        """Take the plain data key, 32 bytes, the owner's id, and what returns the owner's other keys."""
        self._cipher = AESGCM(key)
        self._bound_to = _VERSION + owner.encode()
        self._nonce_key = hmac.digest(key, b"stackhold nonce of a renewed value", hashlib.sha256)
        self._find_others = find_others
        self._others: list[AESGCM] | None = None
        self._problem: BackendError | None = None

    def seal(self, plain: bytes) -> bytes:
        """Return the value sealed; never empty, and never the same twice."""
        return self._sealed(os.urandom(_NONCE_BYTES), plain)

    def open(self, sealed: bytes) -> bytes:
        """Return the plain value; raises BadRequest when it was not sealed for this owner or is damaged.

        Raises KeyUnusable where one of the owner's other keys, which does not open, may have sealed it.
        """
        if len(sealed) < _SHORTEST_BYTES or sealed[:1] != _VERSION:
            sealed = _NEVER_VALID  # Fails below like any other: the work is done before the refusal, whatever is wrong.
        plain = self._opened(self._cipher, sealed)
        if plain is None and sealed is not _NEVER_VALID:
            plain = self._opened_by_others(sealed)
        if plain is None:
            raise BadRequest(REFUSAL)
        return plain

    def renew(self, sealed: bytes) -> bytes:
        """Return a value sealed with the present key: itself if it is already; raises BadRequest as `open` does.

        The same sealed value gives the same result, so values that were equal in two documents still are. Its nonce is derived
        from the sealed value, so it repeats for the same plain value alone.
        """
        if len(sealed) >= _SHORTEST_BYTES and sealed[:1] == _VERSION and self._opened(self._cipher, sealed) is not None:
            return sealed
        plain = self.open(sealed)
        return self._sealed(hmac.digest(self._nonce_key, sealed, hashlib.sha256)[:_NONCE_BYTES], plain)

    def _sealed(self, nonce: bytes, plain: bytes) -> bytes:
        return b"".join((_VERSION, nonce, self._cipher.encrypt(nonce, plain, self._bound_to)))

    def _opened(self, cipher: AESGCM, sealed: bytes) -> bytes | None:
        nonce, rest = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, rest, self._bound_to)
        except InvalidTag:
            return None

    def _opened_by_others(self, sealed: bytes) -> bytes | None:
        if self._others is None:
            others = self._find_others()
            self._others, self._problem = [AESGCM(key) for key in others.keys], others.problem
        plains = (self._opened(cipher, sealed) for cipher in self._others)
        plain = next((plain for plain in plains if plain is not None), None)
        if plain is None and self._problem is not None:
            raise self._problem
        return plain
