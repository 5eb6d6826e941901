"""Blob keys: no other module builds them.

No segment ends with a dot, and no name that a user chose is in a key: some stores drop a trailing dot, so that `prod.` and `prod`
would be one object. A key is used once, and its blob is never written again.
"""

from common.core.ids import new_id

CHECKPOINTS = "checkpoints/"
BATCHES = "batches/"
PROGRAMS = "programs/"
PREFIXES = (CHECKPOINTS, BATCHES)


def new_checkpoint_key(owner_id: str) -> str:
    """Return a new key for a state; `owner_id` is the stack or the running update that stores it."""
    return f"{checkpoint_prefix(owner_id)}{new_id()}"


def checkpoint_prefix(owner_id: str) -> str:
    """Return the beginning of the keys of all states that a stack or a running update stored."""
    return f"{CHECKPOINTS}{owner_id}/"


def new_batch_key(update_id: str) -> str:
    """Return a new key for a journal or event batch of the update that is too large for a row."""
    return f"{BATCHES}{update_id}/{new_id()}"


def program_key(stack_id: str, update_id: str) -> str:
    """Return the key of the request that created an update, if that is too large for its row."""
    return f"{PROGRAMS}{stack_id}/{update_id}"


def update_of_program(key: str) -> str:
    """Return the id of the update that a stored request created."""
    return key.rpartition("/")[2]
