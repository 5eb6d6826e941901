"""Reads of a stack's state: export, outputs, single resources.

A state is served as it is stored. Versions from before a rename are rewritten to the present names when they are read
(docs/decisions/0003).
"""

from dataclasses import dataclass

from common.backend import Backend
from common.core.compression import unpack
from common.core.errors import NotFound
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import steps as stacks
from common.stacks.engine import document
from common.stacks.engine.document import StoredResource
from common.stacks.engine.rename import Names, RenameError, rename
from common.stacks.model import Stack, StackPath, is_version
from common.stacks.repository import stack_references, versions
from common.stacks.repository.versions import StoredVersion
from common.stacks.updates import stored_state
from common.stacks.updates.finishing import load_settled

LINK_LIMIT = 1000
# A client follows at once; a slow line is done with the bytes of a large state in this time.
LINK_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Outputs:
    """A stack's outputs and the provider of their secrets, each the JSON text of the state, None where it has none."""

    outputs: bytes | None
    secrets_providers: bytes | None


def export(backend: Backend, caller: Caller, path: StackPath) -> bytes:
    """Return the state as stored: gzip bytes, or the plain container of a stack without state.

    While an update runs this is its base, or its last whole checkpoint: indices of a journal refer to it.
    """
    stack = load_settled(backend, caller, path, Permission.STACK_EXPORT)
    return stored_state.current_stored(backend, stack)


def export_version(backend: Backend, caller: Caller, path: StackPath, version: int) -> bytes:
    """Return the state as of a version, stored or plain; NotFound when the stack has no such version."""
    stack = load_settled(backend, caller, path, Permission.STACK_EXPORT)
    return _stored_at(backend, stack, version)


def export_link(backend: Backend, caller: Caller, path: StackPath, version: int | None) -> str | None:
    """Return an address that serves the stored state, the newest or that of a version, for a few minutes.

    None where it cannot be fetched from the store: a folder, or a version that a rename has to rewrite first.
    """
    stack = stacks.get_stack(backend, caller, path, Permission.STACK_EXPORT)
    found = stored_state.newest(stack) if version is None else _find_version(backend, stack, version)
    if found is None or found.checkpoint is None or found.written_as != stack.path or found.resource_order is not None:
        return None
    return backend.checkpoints.link(found.checkpoint, LINK_SECONDS)


def outputs(backend: Backend, caller: Caller, path: StackPath) -> Outputs:
    """Return the root outputs of the newest stored state, byte for byte."""
    stack = load_settled(backend, caller, path, Permission.STACK_READ)
    if stack.latest.checkpoint is None:
        return Outputs(None, None)
    return Outputs(*document.outputs(stored_state.current_text(backend, stack)))


def resources(backend: Backend, caller: Caller, path: StackPath, version: int | None) -> tuple[int, list[StoredResource]]:
    """Return (version, its resources in order) of the newest state or of a version; NotFound when there is none."""
    stack = load_settled(backend, caller, path, Permission.STACK_READ)
    if version is None:
        return stack.latest.version, list(document.resources(stored_state.current_text(backend, stack)))
    return version, list(document.resources(unpack(_stored_at(backend, stack, version))))


def count_resources(backend: Backend, caller: Caller, path: StackPath) -> tuple[int, int]:
    """Return (version, number of resources) of the newest state."""
    stack = load_settled(backend, caller, path, Permission.STACK_READ)
    return stack.latest.version, stack.latest.resource_count


def referring_stacks(backend: Backend, caller: Caller, path: StackPath) -> list[tuple[StackPath, int]]:
    """Return (name, version) of the stacks whose states refer to this one, among those the caller may see."""
    stacks.get_stack(backend, caller, path, Permission.STACK_READ)
    with backend.db.connect() as connection:
        return stack_references.referring(connection, path, stacks.visible_scopes(caller, None), LINK_LIMIT)


def referred_stacks(backend: Backend, caller: Caller, path: StackPath) -> list[tuple[StackPath, int]]:
    """Return (name, version) of the stacks that this one's state refers to, among those the caller may see."""
    stack = stacks.get_stack(backend, caller, path, Permission.STACK_READ)
    with backend.db.connect() as connection:
        return stack_references.referred(connection, stack.id, stacks.visible_scopes(caller, None), LINK_LIMIT)


def renamed(backend: Backend, text: bytes, old: StackPath, new: StackPath) -> bytes:
    """Return a state rewritten from the names it was written under to others; raises RenameError.

    A secrets provider of another service that happens to name the same stack is left alone where our own name is known.
    """
    host = backend.settings.api_domain
    return rename(text, Names(old.org, old.project, old.name), Names(new.org, new.project, new.name), service_host=host)


def _stored_at(backend: Backend, stack: Stack, version: int) -> bytes:
    found = _find_version(backend, stack, version)
    if found is None:
        msg = f"Stack '{stack.path}' has no version {version}"
        raise NotFound(msg)
    stored = stored_state.stored(backend, stack, found)
    if found.checkpoint is None or found.written_as == stack.path:
        return stored
    text = unpack(stored)
    try:
        return renamed(backend, text, found.written_as, stack.path)
    except RenameError:
        # A state that was imported with what is no URN cannot follow a rename; as it was written it can still be repaired.
        return text


def _find_version(backend: Backend, stack: Stack, version: int) -> StoredVersion | None:
    if not is_version(version):
        return None
    with backend.db.connect() as connection:
        return versions.find_version(connection, stack.id, version)
