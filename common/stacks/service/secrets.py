"""Use cases that encrypt and decrypt values for a stack, under a data key of its own that is bound to the stack's id.

The id never changes, so a value can be decrypted after a rename. A stack's former names are accepted too: configuration files
and old states name the stack as it was called when they were written. Limits: a value 16 MiB, a batch 20,000 values (clients of
today send at most 1,000 at once; older ones send every secret of a state), and the limit of a request's body for all together.
"""

from collections.abc import Collection

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.crypto.envelope import Envelope
from common.crypto.owner_keys import open_envelope
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import steps as stacks
from common.stacks.model import Stack, StackPath
from common.stacks.sealed_values import decrypt as decrypt_value
from common.stacks.sealed_values import encrypt as encrypt_value
from common.stacks.sealed_values import require_batch


def encrypt(backend: Backend, caller: Caller, path: StackPath, plaintext: bytes) -> bytes:
    """Return the ciphertext of one value, which may be empty."""
    _stack, envelope = _open_envelope(backend, caller, path, Permission.STACK_ENCRYPT)
    return encrypt_value(envelope, plaintext)


def decrypt(backend: Backend, caller: Caller, path: StackPath, ciphertext: str) -> bytes:
    """Return the plaintext of one base64 text. BadRequest if it is damaged or belongs to another stack."""
    stack, envelope = _open_envelope(backend, caller, path, Permission.STACK_DECRYPT)
    plaintext = decrypt_value(envelope, ciphertext)
    description = f"Decrypted a value of stack {stack.path}"
    audit.record_alone(backend, caller, stack.org_id, Event.SECRET_DECRYPTED, description=description)
    return plaintext


def batch_encrypt(backend: Backend, caller: Caller, path: StackPath, plaintexts: Collection[bytes]) -> list[bytes]:
    """Return the ciphertexts of several values, in their order."""
    _stack, envelope = _open_envelope(backend, caller, path, Permission.STACK_ENCRYPT)
    require_batch(len(plaintexts))
    return [encrypt_value(envelope, plaintext) for plaintext in plaintexts]


def batch_decrypt(backend: Backend, caller: Caller, path: StackPath, ciphertexts: Collection[str]) -> dict[str, bytes]:
    """Return the plaintexts by their ciphertexts as they were sent. BadRequest if one cannot be decrypted."""
    stack, envelope = _open_envelope(backend, caller, path, Permission.STACK_DECRYPT)
    require_batch(len(ciphertexts))
    # Clients look up each ciphertext as they sent it, and crash on one that is missing (state.md 8).
    plaintexts = {ciphertext: decrypt_value(envelope, ciphertext) for ciphertext in dict.fromkeys(ciphertexts)}
    if plaintexts:
        description = f"Decrypted {len(plaintexts):,} values of stack {stack.path}"
        audit.record_alone(backend, caller, stack.org_id, Event.SECRETS_DECRYPTED, description=description)
    return plaintexts


def log_decryption(backend: Backend, caller: Caller, path: StackPath) -> None:
    """Accept a client's report that it decrypted values itself. Forbidden if the caller may not decrypt the stack's values."""
    stack = stacks.get_stack(backend, caller, path, Permission.STACK_DECRYPT, former_names=True)
    description = f"Decrypted values of stack {stack.path} with the client's own secrets provider"
    audit.record_alone(backend, caller, stack.org_id, Event.SECRET_DECRYPTED, description=description)


def _open_envelope(backend: Backend, caller: Caller, path: StackPath, permission: Permission) -> tuple[Stack, Envelope]:
    stack = stacks.get_stack(backend, caller, path, permission, former_names=True)
    return stack, open_envelope(backend, stack.id, stack.wrapped_key)
