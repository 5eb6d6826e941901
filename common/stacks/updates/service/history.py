"""Use cases that read updates and previews: status, history.

A history is newest first, has every version except creation and deletion, and repeats configuration and environment exactly as
the client sent them (state.md 9.1).
"""

from dataclasses import dataclass

from common.backend import Backend
from common.core.errors import NotFound
from common.core.ids import is_id
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import steps as stacks
from common.stacks.model import Stack, StackPath, is_version
from common.stacks.updates import programs
from common.stacks.updates.finishing import get_current_stack
from common.stacks.updates.model import HistoryEntry, Update
from common.stacks.updates.repository import history
from common.stacks.updates.steps import load_update


@dataclass(frozen=True, slots=True)
class Page:
    """The part of a list that a request asks for; `number` counts from 1, and `size` None means everything.

    `ahead` entries of the next page are read too: they tell whether there is one.
    """

    size: int | None
    number: int = 1
    ahead: int = 0

    @property
    def limit(self) -> int | None:
        """Return how many entries are read, or None for everything."""
        return self.size + self.ahead if self.size is not None else None

    @property
    def offset(self) -> int:
        """Return the number of entries before the page."""
        return (self.size or 0) * (self.number - 1)


def get_status(backend: Backend, caller: Caller, path: StackPath, update_id: str) -> Update:
    """Return the update. NotFound if the stack has no update of that id."""
    with backend.db.connect() as connection:
        return load_update(connection, caller, path, update_id, Permission.STACK_READ)[1]


def page_updates(backend: Backend, caller: Caller, path: StackPath, page: Page) -> tuple[Stack, list[HistoryEntry], int]:
    """Return (stack, a page of its updates, newest first, number of all)."""
    stack = get_current_stack(backend, caller, path, Permission.STACK_READ)
    with backend.db.connect() as connection:
        entries = history.page_versions(connection, stack.id, page.size, page.offset)
    return stack, programs.load_all(backend, stack.id, entries), stack.latest.version


def page_activity(backend: Backend, caller: Caller, path: StackPath, page: Page) -> tuple[Stack, list[HistoryEntry]]:
    """Return the stack and a page of its updates and previews together, newest first."""
    stack = get_current_stack(backend, caller, path, Permission.STACK_READ)
    with backend.db.connect() as connection:
        entries = history.page_activity(connection, stack.id, page.limit, page.offset)
    return stack, programs.load_all(backend, stack.id, entries)


def get_version(backend: Backend, caller: Caller, path: StackPath, version: int | None) -> tuple[Stack, HistoryEntry]:
    """Return the stack and the update that created a version, or the newest one. NotFound if it does not exist."""
    stack, entry = load_version(backend, caller, path, version)
    return stack, programs.load(backend, stack.id, entry)


def get_preview(backend: Backend, caller: Caller, path: StackPath, update_id: str) -> tuple[Stack, HistoryEntry]:
    """Return the stack and one of its previews. NotFound if the stack has no preview of that id."""
    stack = stacks.get_stack(backend, caller, path, Permission.STACK_READ)
    with backend.db.connect() as connection:
        entry = history.find_preview(connection, stack.id, update_id) if is_id(update_id) else None
    if entry is None:
        raise NotFound(f"Preview '{ascii(update_id[:80])[1:-1]}' not found")
    return stack, programs.load(backend, stack.id, entry)


def get_runs(backend: Backend, caller: Caller, path: StackPath, version: int | None) -> tuple[Stack, list[HistoryEntry]]:
    """Return the stack, and the update that created a version before the run before it, if there is one.

    Without a version it is the newest run, and nothing for a stack that was never updated. NotFound for a version that does
    not exist.
    """
    stack = get_current_stack(backend, caller, path, Permission.STACK_READ)
    number, entries = stack.latest.version if version is None else version, list[HistoryEntry]()
    if is_version(number):
        with backend.db.connect() as connection:
            entries = history.find_runs(connection, stack.id, number, exact=version is not None)
    if not entries and version is not None:
        raise NotFound(f"Stack '{path}' has no version {version}")
    return stack, programs.load_all(backend, stack.id, entries)


def get_update(backend: Backend, caller: Caller, path: StackPath, update_id: str) -> HistoryEntry:
    """Return one of the stack's updates or previews by its id. NotFound if the stack has none of that id."""
    stack = get_current_stack(backend, caller, path, Permission.STACK_READ)
    with backend.db.connect() as connection:
        entry = history.find_update(connection, stack.id, update_id) if is_id(update_id) else None
    if entry is None:
        raise NotFound(f"Update '{ascii(update_id[:80])[1:-1]}' not found")
    return entry


def page_previews(
    backend: Backend,
    caller: Caller,
    path: StackPath,
    version: int | None,
    page: Page,
    *,
    ascending: bool,
) -> tuple[Stack, list[HistoryEntry]]:
    """Return the stack and a page of the previews that ran after a version and before the next, or since the newest."""
    stack = get_current_stack(backend, caller, path, Permission.STACK_READ)
    after = stack.latest.version if version is None else version
    if after and not is_version(after):
        return stack, []
    with backend.db.connect() as connection:
        entries = history.page_previews(connection, stack.id, after, page.limit, page.offset, ascending=ascending)
    return stack, programs.load_all(backend, stack.id, entries)


def load_version(backend: Backend, caller: Caller, path: StackPath, version: int | None) -> tuple[Stack, HistoryEntry]:
    """Return what get_version does, without a large request, which is in the object store."""
    stack = get_current_stack(backend, caller, path, Permission.STACK_READ)
    number, entry = stack.latest.version if version is None else version, None
    if is_version(number):
        with backend.db.connect() as connection:
            entry = history.find_version(connection, stack.id, number)
    if entry is None:
        raise NotFound(f"Stack '{path}' has no updates" if version is None else f"Stack '{path}' has no version {version}")
    return stack, entry
