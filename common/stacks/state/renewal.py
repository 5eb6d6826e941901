"""Steps that encrypt the secrets in a stack's stored states again, with the stack's present data key.

A state is stored anew, as blobs never change, and its version names the new one. Nothing but the ciphertexts differs. Requests
that began before may need the former blob: until `forget_former` it is still named, so the sweep leaves it.
"""

import re
from base64 import b64decode, b64encode

from common.backend import Backend
from common.core.errors import BadRequest, Unavailable
from common.crypto.envelope import Envelope
from common.db.retry import retry
from common.stacks import blob_keys
from common.stacks.repository import renewal as repository

# A secret as Pulumi writes it into a state; the base64 text of every sealed value begins so.
_CIPHERTEXT = re.compile(rb'("ciphertext"\s*:\s*")(A[Q-Za-f][A-Za-z0-9+/]+={0,2})(")')


def renew_states(backend: Backend, stack_id: str, envelope: Envelope) -> int:
    """Encrypt the secrets in all states of a stack again where another key did, and return how many values there were.

    States of an update that runs, and of damaged ones, stay as they are. Raises BlobMissing or BlobDamaged.
    """
    with backend.db.connect() as connection:
        keys = repository.find_checkpoints(connection, stack_id)
    return sum(_renew_state(backend, stack_id, key, envelope) for key in keys)


def forget_former(backend: Backend, stack_id: str) -> None:
    """Let the sweep delete the former blobs of a stack's states."""

    def forget() -> None:
        with backend.db.connect() as connection:
            repository.forget_former(connection, stack_id)

    retry(forget)


def renew_text(text: bytes, envelope: Envelope) -> tuple[bytes, int]:
    """Return a state with its secrets under the present key, and how many were not; those of other providers stay."""
    count = 0

    def renewed(match: re.Match[bytes]) -> bytes:
        nonlocal count
        begin, ciphertext, end = match.groups()
        try:
            sealed = b64decode(ciphertext, validate=True)
            renewal = envelope.renew(sealed)
        except (ValueError, BadRequest):
            return match[0]
        count += renewal != sealed
        return begin + b64encode(renewal) + end

    return _CIPHERTEXT.sub(renewed, text), count


def _renew_state(backend: Backend, stack_id: str, key: str, envelope: Envelope) -> int:
    text, count = renew_text(backend.checkpoints.get(key), envelope)
    if not count:
        return 0
    new_key = blob_keys.new_checkpoint_key(stack_id)
    backend.checkpoints.put(new_key, text)
    if backend.checkpoints.get(new_key) != text:
        raise Unavailable(f"the object store does not return the state that was stored as {new_key}; nothing was changed")

    def replace() -> None:
        with backend.db.connect() as connection:
            repository.replace_checkpoint(connection, stack_id, key, new_key)

    retry(replace)
    return count
