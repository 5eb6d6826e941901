"""Encrypts and decrypts values for a stack, under a data key of its own that is bound to the stack's unchangeable id.

A value stays good through renames, and a stack's former names still lead here: configuration files and old states name
the stack as it was called when they were written. Limits: a value 16 MiB, a batch 20,000 values (clients of today send at
most 1,000 at once; older ones send every secret of a state), and the limit of a request's body for all of them together.
"""

from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64

from common.backend import Backend
from common.core.errors import TooLarge
from common.crypto.envelope import Envelope
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import steps as stacks
from common.stacks.model import StackPath
from common.wire.secrets import (
    BatchDecryptRequest,
    BatchDecryptResponse,
    BatchEncryptRequest,
    BatchEncryptResponse,
    DecryptValueRequest,
    DecryptValueResponse,
    EncryptValueRequest,
    EncryptValueResponse,
)

VALUE_LIMIT_BYTES = 16 << 20
BATCH_LIMIT = 20_000
# A sealed value is a little longer than its plaintext, and its base64 spelling a third longer again.
_SEALED_TEXT_LIMIT = (VALUE_LIMIT_BYTES + 64) * 4 // 3 + 4


def encrypt(backend: Backend, caller: Caller, path: StackPath, request: EncryptValueRequest) -> EncryptValueResponse:
    """Return one value sealed; any bytes, also none."""
    envelope = _envelope(backend, caller, path, Permission.STACK_ENCRYPT)
    return EncryptValueResponse(envelope.seal(_fitting(request.plaintext)))


def decrypt(backend: Backend, caller: Caller, path: StackPath, request: DecryptValueRequest) -> DecryptValueResponse:
    """Return one value in clear; BadRequest when it is damaged or another stack's."""
    envelope = _envelope(backend, caller, path, Permission.STACK_DECRYPT)
    return DecryptValueResponse(_opened(envelope, request.ciphertext))


def batch_encrypt(backend: Backend, caller: Caller, path: StackPath, request: BatchEncryptRequest) -> BatchEncryptResponse:
    """Return values sealed, in their order."""
    envelope = _envelope(backend, caller, path, Permission.STACK_ENCRYPT)
    plaintexts = request.plaintexts or []
    _require_batch(len(plaintexts))
    return BatchEncryptResponse([envelope.seal(_fitting(plaintext)) for plaintext in plaintexts])


def batch_decrypt(backend: Backend, caller: Caller, path: StackPath, request: BatchDecryptRequest) -> BatchDecryptResponse:
    """Return values in clear under their ciphertexts as they were sent; one that cannot be opened fails the batch."""
    envelope = _envelope(backend, caller, path, Permission.STACK_DECRYPT)
    ciphertexts = request.ciphertexts or []
    _require_batch(len(ciphertexts))
    # Clients look each ciphertext up as they sent it, and crash on one that is missing (state.md 8).
    return BatchDecryptResponse({sent or "": _opened(envelope, sent) for sent in dict.fromkeys(ciphertexts)})


def log_decryption(backend: Backend, caller: Caller, path: StackPath) -> None:
    """Accept a client's word that it decrypted values of the stack itself; only those who may decrypt can say so."""
    stacks.get_stack(backend, caller, path, Permission.STACK_DECRYPT, former_names=True)


def _envelope(backend: Backend, caller: Caller, path: StackPath, permission: Permission) -> Envelope:
    stack = stacks.get_stack(backend, caller, path, permission, former_names=True)
    return Envelope(backend.data_keys.open(stack.wrapped_key, stack.id), stack.id)


def _fitting(plaintext: bytes | None) -> bytes:
    if plaintext is not None and len(plaintext) > VALUE_LIMIT_BYTES:
        raise _value_too_large()
    return plaintext or b""


def _opened(envelope: Envelope, ciphertext: str | None) -> bytes:
    if ciphertext is not None and len(ciphertext) > _SEALED_TEXT_LIMIT:
        raise _value_too_large()
    return envelope.open(_sealed_bytes(ciphertext or ""))


def _sealed_bytes(text: str) -> bytes:
    """Return the bytes of a base64 text, or none for rubbish and for a spelling that no encoder gives: both do not open."""
    try:
        sealed = a2b_base64(text, strict_mode=True)
    except (Base64Error, ValueError):
        return b""
    return sealed if b64encode(sealed).decode() == text else b""


def _require_batch(size: int) -> None:
    if size > BATCH_LIMIT:
        msg = f"a batch may hold {BATCH_LIMIT:,} values, and this one holds {size:,}"
        raise TooLarge(msg)


def _value_too_large() -> TooLarge:
    return TooLarge(f"a value may have {VALUE_LIMIT_BYTES:,} bytes before encryption")
