"""Steps that encrypt and decrypt what clients send as plaintexts and ciphertexts, and their limits."""

from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64

from common.core.errors import TooLarge
from common.crypto.envelope import Envelope

VALUE_LIMIT_BYTES = 16 << 20
BATCH_LIMIT = 20_000
# A ciphertext is a little longer than its plaintext, and its base64 text a third longer again.
_CIPHERTEXT_LIMIT = (VALUE_LIMIT_BYTES + 64) * 4 // 3 + 4


def encrypt(envelope: Envelope, plaintext: bytes) -> bytes:
    """Return the ciphertext of a value. TooLarge for one above the limit."""
    if len(plaintext) > VALUE_LIMIT_BYTES:
        raise _value_too_large()
    return envelope.seal(plaintext)


def decrypt(envelope: Envelope, ciphertext: str) -> bytes:
    """Return the plaintext of a base64 text. BadRequest if it is damaged or was encrypted for something else."""
    if len(ciphertext) > _CIPHERTEXT_LIMIT:
        raise _value_too_large()
    return envelope.open(_ciphertext_bytes(ciphertext))


def require_batch(size: int) -> None:
    """Raise TooLarge for more values than a request may have."""
    if size > BATCH_LIMIT:
        raise TooLarge(f"a batch may have at most {BATCH_LIMIT:,} values, and this one has {size:,}")


def _ciphertext_bytes(text: str) -> bytes:
    """Return the bytes of a base64 text. Empty, which cannot be decrypted, for a text that no base64 encoder writes."""
    try:
        ciphertext = a2b_base64(text, strict_mode=True)
    except (Base64Error, ValueError):
        return b""
    return ciphertext if b64encode(ciphertext).decode() == text else b""


def _value_too_large() -> TooLarge:
    return TooLarge(f"a value may have at most {VALUE_LIMIT_BYTES:,} bytes before encryption")
