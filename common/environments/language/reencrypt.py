"""Encrypts the secrets of a stored definition for another environment, in place: for clones."""

import re

from common.environments.language import envelope
from common.environments.language.interfaces import Decrypter, Encrypter, WorldError

# How the base64 text of every envelope of version 1 begins.
_ENVELOPE = re.compile(rb"ZXNjeAAAAA[A-Za-z0-9+/]+={0,2}")


def reencrypt(text: bytes, decrypter: Decrypter, encrypter: Encrypter) -> bytes:
    """Return a definition with its ciphertexts replaced. What looks like one and does not open stays as it is."""

    def replace(match: re.Match[bytes]) -> bytes:
        try:
            plaintext = decrypter.decrypt(envelope.decode(match[0].decode()))
        except (WorldError, envelope.InvalidEnvelope):
            return match[0]
        return envelope.encode(encrypter.encrypt(plaintext)).encode()

    return _ENVELOPE.sub(replace, text)
