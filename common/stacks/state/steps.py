"""Steps of changes that no client runs as an update: each stores a state if it has one, and inserts the stack's next version.

A change reads the newest version, prepares its own, and inserts that while no update runs. If another change took the number
meanwhile, it reads the stack again. A state is stored before the row that names it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.compression import unpack
from common.core.errors import BadRequest, NotFound
from common.db.faults import Contention, is_race
from common.db.retry import retry
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import blob_keys
from common.stacks import steps as stacks
from common.stacks.engine import checks, document
from common.stacks.engine.document import BadDocument
from common.stacks.engine.packages import encode, find_packages
from common.stacks.engine.rename import Names, RenameError, rename
from common.stacks.engine.stack_references import find_links
from common.stacks.model import Stack, StackPath, VersionReference, is_version
from common.stacks.repository import versions
from common.stacks.repository.versions import Contents, StoredVersion
from common.stacks.updates import stored_state
from common.stacks.updates.finishing import get_current_stack
from common.stacks.updates.model import InProgress
from common.stacks.updates.stored_state import current_text
from common.wire.retention import DELETED

_ATTEMPTS = 5
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class StoredState:
    """A state in the object store, and the stacks that it refers to."""

    contents: Contents
    links: frozenset[tuple[str, str, str]]


NO_STATE = StoredState(Contents(None, 0), frozenset())


def load_idle(backend: Backend, caller: Caller, path: StackPath, permission: Permission) -> Stack:
    """Return the stack if no update runs. InProgress if one does; errors as in stacks.get_stack."""
    stack = get_current_stack(backend, caller, path, permission)
    require_idle(backend, stack)
    return stack


def require_idle(backend: Backend, stack: Stack) -> None:
    """Raise InProgress while an update of the stack runs."""
    # No permission check in the rest of this module: the use cases made it when they loaded the stack.
    if stack.latest.is_busy(unix_millis(backend.clock.now())):
        raise InProgress(stack)


def lock_idle(tx: Connection, backend: Backend, stack: Stack) -> Stack:
    """Lock the stack, so that other changes wait for this one, and return it as it is now. InProgress while an update runs."""
    current = stacks.lock(tx, stack)
    require_idle(backend, current)
    if current.latest.is_open():
        # Its client disappeared after the stack was read. The next attempt finishes the update first.
        raise Contention(f"an update of stack '{stack.path}' was cancelled at the same time; try again")
    return current


def retry_on_new_version(stack: Stack, change: Callable[[Stack], _T], load: Callable[[], Stack]) -> _T:
    """Run a change that inserts the next version; if another change took the number, load the stack and run it again."""
    unused = [stack]
    return retry(
        lambda: change(unused.pop() if unused else load()),
        when=is_race,
        attempts=_ATTEMPTS,
        failure=lambda: InProgress(load()),
    )


def latest_contents(stack: Stack) -> Contents:
    """Return the contents of the stack's newest version."""
    latest = stack.latest
    return Contents(latest.checkpoint, latest.resource_count, latest.resource_order, integrity_error=latest.integrity_error)


def store_state(backend: Backend, stack_id: str, text: bytes) -> StoredState:
    """Check a state and store it. BadRequest if a client could not read it."""
    try:
        document.check_container(text)
        count = document.count_resources(text)
    except BadDocument as error:
        raise BadRequest(f"the state is not one that a client can open: {error}") from error
    key = blob_keys.new_checkpoint_key(stack_id)
    backend.checkpoints.put(key, text)
    contents = Contents(key, count, packages=encode(find_packages(text)), integrity_error=checks.find_error(text))
    return StoredState(contents, find_links(text))


def store_renamed(backend: Backend, stack: Stack, target: StackPath) -> Contents:
    """Store the stack's newest state with another name in it, and return the contents of a version of that."""
    if stack.latest.checkpoint is None:
        return latest_contents(stack)
    try:
        text = rename_text(backend, current_text(backend, stack), stack.path, target)
    except RenameError as error:
        raise BadRequest(f"the state of stack '{stack.path}' cannot be rewritten to the new name: {error}") from error
    checkpoint = blob_keys.new_checkpoint_key(stack.id)
    backend.checkpoints.put(checkpoint, text)
    broken_rule = checks.find_error(text) if stack.latest.integrity_error is not None else None
    return Contents(checkpoint, stack.latest.resource_count, integrity_error=broken_rule)


def rename_text(backend: Backend, text: bytes, old: StackPath, new: StackPath) -> bytes:
    """Return a state with the new name of its stack in place of the old one; raises RenameError.

    Where the server knows its own name, it leaves a secrets provider of another service alone that names the same stack.
    """
    host = backend.settings.api_domain
    return rename(text, Names(old.org, old.project, old.name), Names(new.org, new.project, new.name), service_host=host)


def find_version(backend: Backend, stack: Stack, reference: VersionReference) -> tuple[StoredVersion, int] | None:
    """Return where the state of a version is, and the time of the version in unix milliseconds; or None."""
    if reference.number is not None and not is_version(reference.number):
        return None
    with backend.db.connect() as connection:
        return versions.find_version(connection, stack.id, reference)


def load_version(backend: Backend, stack: Stack, reference: VersionReference) -> tuple[StoredVersion, int]:
    """Return what find_version does. NotFound if the stack has no such version, or if it was not kept."""
    version = find_version(backend, stack, reference)
    if version is None:
        raise NotFound(f"Stack '{stack.path}' has no {reference}")
    require_kept(stack, version[0])
    return version


def require_kept(stack: Stack, version: StoredVersion) -> None:
    """Raise NotFound for a version whose state the retention policy of the organization did not keep."""
    if version.is_deleted:
        raise NotFound(f"the state of version {version.number} of stack '{stack.path}' {DELETED}")


def renamed_state(backend: Backend, stack: Stack, version: StoredVersion) -> bytes:
    """Return the state of a version with the stack's present name in it, as gzip or plain."""
    stored = stored_state.stored(backend, stack, version)
    if version.checkpoint is None or version.written_as == stack.path:
        return stored
    text = unpack(stored)
    try:
        return rename_text(backend, text, version.written_as, stack.path)
    except RenameError:
        # An imported state with invalid URNs cannot be renamed. As it was written, the user can still repair it.
        return text
