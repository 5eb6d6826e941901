"""Reads the state of a version as it is stored."""

from collections.abc import Iterator
from contextlib import contextmanager

from common.backend import Backend
from common.core.compression import unpack
from common.core.errors import BackendError
from common.ports.blobs import BlobDamaged, BlobMissing
from common.stacks.engine import document, ordering
from common.stacks.model import Stack
from common.stacks.repository import versions
from common.stacks.repository.versions import StoredVersion


class StateDamaged(BackendError):
    """The stored state of a version is missing or damaged; the message names stack, version and document."""


def current_stored(backend: Backend, stack: Stack) -> bytes:
    """Return the newest state of a stack, as gzip or plain; the step that loaded the stack checked the permission."""
    return stored(backend, stack, newest(stack))


def current_text(backend: Backend, stack: Stack) -> bytes:
    """Return the newest state of a stack as text; permission as above."""
    return unpack(current_stored(backend, stack))


def base_text(backend: Backend, stack: Stack, limit_bytes: int) -> bytes | None:
    """Return the newest state of a stack as text, or None if it is larger than a limit as gzip; permission as above."""
    version = newest(stack)
    if version.checkpoint is None:
        return document.EMPTY if len(document.EMPTY) <= limit_bytes else None
    with _named_errors(backend, stack, version):
        stored = backend.checkpoints.get_stored(version.checkpoint)
        # The same resources in another order may be larger as gzip, by an unknown factor until they are packed.
        if len(stored) > (limit_bytes if version.resource_order is None else limit_bytes // 2):
            return None
        return ordering.applied(backend.checkpoints.text_of(version.checkpoint, stored), version.resource_order)


def newest(stack: Stack) -> StoredVersion:
    """Return where the state of the newest version is."""
    return StoredVersion(stack.latest.version, stack.latest.checkpoint, stack.latest.resource_order, stack.path)


def stored(backend: Backend, stack: Stack, version: StoredVersion) -> bytes:
    """Return the state of a version, as gzip or plain; raises StateDamaged."""
    if version.checkpoint is None:
        return document.EMPTY
    with _named_errors(backend, stack, version):
        stored = backend.checkpoints.get_intact(version.checkpoint)
        return stored if version.resource_order is None else ordering.applied(unpack(stored), version.resource_order)


@contextmanager
def _named_errors(backend: Backend, stack: Stack, version: StoredVersion) -> Iterator[None]:
    """Turn the errors of a missing or damaged blob into StateDamaged, which names stack and version."""
    try:
        yield
    except (BlobMissing, BlobDamaged) as error:
        with backend.db.connect() as connection:
            before = versions.find_number_before(connection, stack.id, version.number, version.checkpoint or "")
        advice = f"; `pulumi stack export --version {before}` shows the state before it" if before is not None else ""
        reason = error.detail
        raise StateDamaged(f"version {version.number} of stack '{stack.path}' cannot be read: {reason}{advice}") from error
