"""Blob keys: the one place that builds them.

No segment ends with a dot and none comes from a name that a user chose: some stores drop a trailing dot, so that `prod.`
and `prod` would be one object (field report F24). A key is used once and never rewritten.
"""

from common.core.ids import new_id

CHECKPOINTS = "checkpoints/"
BATCHES = "batches/"
PROGRAMS = "programs/"
PREFIXES = (CHECKPOINTS, BATCHES)


def new_checkpoint_key(owner_id: str) -> str:
    """Return a fresh key for a state; `owner_id` is the stack or the running update that stores it."""
    return f"{CHECKPOINTS}{owner_id}/{new_id()}"


def checkpoints_of(owner_id: str) -> str:
    """Return what the keys of all states stored by a stack or a running update begin with."""
    return f"{CHECKPOINTS}{owner_id}/"


def new_batch_key(update_id: str) -> str:
    """Return a fresh key for a journal or event batch of the update that is too large for a row."""
    return f"{BATCHES}{update_id}/{new_id()}"


def program_key(stack_id: str, update_id: str) -> str:
    """Return the key of the request that created an update, if that is too large for its row."""
    return f"{PROGRAMS}{stack_id}/{update_id}"


def update_of_program(key: str) -> str:
    """Return the id of the update whose request is stored under a key."""
    return key.rpartition("/")[2]
