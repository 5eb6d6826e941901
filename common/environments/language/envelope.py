"""The envelope around a ciphertext in a definition: `escx`, a version, the ciphertext, a checksum, all in base64."""

import binascii
from base64 import b64encode

from common.environments.language import base64text

_MAGIC = b"escx"
_VERSION = (1).to_bytes(4, "big")
_MINIMUM_BYTES = 16
# What the base64 text of every envelope begins with; three bytes are four characters.
_BEGINNING = b64encode(_MAGIC + _VERSION)[:10]


class InvalidEnvelope(ValueError):
    """The text is no envelope; the message is upstream's."""


def encode(ciphertext: bytes) -> str:
    """Return the envelope of a ciphertext."""
    content = _MAGIC + _VERSION + ciphertext
    return b64encode(content + binascii.crc32(content).to_bytes(4, "big")).decode()


def count(text: bytes) -> int:
    """Return the number of envelopes in a text."""
    return text.count(_BEGINNING)


def decode(text: str) -> bytes:
    """Return the ciphertext in an envelope; raises InvalidEnvelope."""
    try:
        data = base64text.decode(text)
    except base64text.InvalidBase64 as error:
        raise InvalidEnvelope(str(error)) from None
    if len(data) < _MINIMUM_BYTES:
        raise InvalidEnvelope("EOF")
    content, checksum = data[:-4], data[-4:]
    if not content.startswith(_MAGIC):
        raise InvalidEnvelope("invalid header")
    if binascii.crc32(content).to_bytes(4, "big") != checksum:
        raise InvalidEnvelope("invalid checksum")
    if content[4:8] != _VERSION:
        raise InvalidEnvelope("unsupported version")
    return content[8:]
