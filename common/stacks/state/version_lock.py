"""How a change that no client runs takes a stack's next version: while no update holds it, and again when another was faster."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest
from common.db.faults import Contention, is_race
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import blob_keys
from common.stacks import steps as stacks
from common.stacks.engine.rename import RenameError
from common.stacks.model import Stack, StackPath
from common.stacks.repository.versions import Contents
from common.stacks.state.service import renamed
from common.stacks.updates.finishing import load_settled
from common.stacks.updates.model import InProgress
from common.stacks.updates.stored_state import current_text

_ATTEMPTS = 5
_T = TypeVar("_T")


def load_idle(backend: Backend, caller: Caller, path: StackPath, permission: Permission) -> Stack:
    """Return the stack if no update holds it; InProgress otherwise, and the errors of stacks.get_stack."""
    stack = load_settled(backend, caller, path, permission)
    require_idle(backend, stack)
    return stack


def require_idle(backend: Backend, stack: Stack) -> None:
    """Raise InProgress while an update holds the stack."""
    # No permission check in the rest of this module: the use cases made it when they loaded the stack.
    if stack.latest.is_busy(unix_millis(backend.clock.now())):
        raise InProgress(stack)


def lock_idle(tx: Connection, backend: Backend, stack: Stack) -> Stack:
    """Lock the stack, so that others wait for this change, and return it as it is now; InProgress while an update holds it."""
    found = stacks.lock(tx, stack)
    require_idle(backend, found)
    if found.latest.is_open():
        # Its holder is gone since the stack was looked at; the repeat finishes it first.
        msg = f"an update of stack '{stack.path}' was cancelled at the same time; try again"
        raise Contention(msg)
    return found


def retried(stack: Stack, change: Callable[[Stack], _T], load: Callable[[], Stack]) -> _T:
    """Run a change that inserts the next version; when another took the number, look at the stack again and repeat."""
    for _ in range(_ATTEMPTS):
        try:
            return change(stack)
        except Exception as error:
            if not is_race(error):
                raise
        stack = load()
    raise InProgress(stack)


def contents_of(stack: Stack) -> Contents:
    """Return what the stack's newest version holds."""
    return Contents(stack.latest.checkpoint, stack.latest.resource_count, stack.latest.resource_order)


def rewritten(backend: Backend, stack: Stack, target: StackPath) -> Contents:
    """Store the stack's newest state under other names, in its order, and return what a version of it holds."""
    if stack.latest.checkpoint is None:
        return contents_of(stack)
    try:
        text = renamed(backend, current_text(backend, stack), stack.path, target)
    except RenameError as error:
        msg = f"the state of stack '{stack.path}' cannot be rewritten to the new name: {error}"
        raise BadRequest(msg) from error
    checkpoint = blob_keys.new_checkpoint_key(stack.id)
    backend.checkpoints.put(checkpoint, text)
    return Contents(checkpoint, stack.latest.resource_count)
