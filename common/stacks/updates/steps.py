"""Steps on updates: they join their caller's transaction."""

from collections.abc import Collection

from sqlalchemy import Connection

from common.backend import Backend
from common.core.errors import BadRequest, Forbidden, NotFound
from common.core.ids import is_id
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import steps as stacks
from common.stacks.model import Outcome, Stack, StackPath
from common.stacks.updates import programs
from common.stacks.updates.model import HistoryEntry, Update
from common.stacks.updates.repository import history, updates

# Clients compare both texts.
EXPIRED = "The provided update token has expired."
CANCELLED = "The update was cancelled; its token is no longer valid."


def load_update(
    connection: Connection,
    caller: Caller,
    path: StackPath,
    update_id: str,
    permission: Permission,
    *,
    dry_run_permission: Permission | None = None,
) -> tuple[Stack, Update]:
    """Return the update and its stack. NotFound if the stack has no such update; other errors as in stacks.get_stack.

    A dry run needs `dry_run_permission` in place of `permission`, if it is given.
    """
    membership = caller.require_member(path.org, missing=stacks.missing_text(path))
    match = None
    if is_id(update_id):
        match = updates.find_with_stack(connection, membership.org_id, path, update_id, caller.principals(membership))
    if match is None:
        stacks.load_stack(connection, caller, path, permission)
        raise unknown_update(update_id)
    stack, update = match
    needed = dry_run_permission if dry_run_permission is not None and update.dry_run else permission
    stacks.require_on_stack(caller, membership, stack, needed)
    return match


def run_permission(*, dry_run: bool) -> Permission:
    """Return the permission to run an update; a preview only reads the stack, as upstream documents for its Stack Read."""
    return Permission.STACK_READ if dry_run else Permission.STACK_WRITE


def lease_error(connection: Connection, update_id: str) -> Forbidden | NotFound:
    """Return why a guarded statement found no valid lease."""
    leased = updates.find(connection, update_id)
    if leased is None:
        return unknown_update(update_id)
    is_cancelled = leased.update.outcome is Outcome.CANCELLED or not leased.may_continue
    return Forbidden(exact=f"Forbidden: {CANCELLED if is_cancelled else EXPIRED}")


def limit_reached(limit_bytes: int) -> BadRequest:
    """Return the error for an update that has recorded as much as it may."""
    return BadRequest(
        f"this update has reached its limit for recorded data: {limit_bytes:,} bytes (STACKHOLD_UPDATE_LIMIT_BYTES). "
        "What it recorded is kept; divide the stack, or ask the operator of this service for a higher limit"
    )


def unknown_update(update_id: str) -> NotFound:
    """Return the error for an update that does not exist."""
    return NotFound(f"Update '{ascii(update_id[:80])[1:-1]}' not found")


def find_newest_entry(connection: Connection, stack_id: str) -> HistoryEntry | None:
    """Return the newest update of a stack, without a request that is in the object store, or None if it has no updates."""
    return next(iter(history.page_versions(connection, stack_id, 1, 0)), None)


def load_newest_runs(backend: Backend, stack_id: str, versions: Collection[int]) -> dict[int, HistoryEntry]:
    """Return the newest update that a client ran up to each version, with its request; imports and renames are no runs."""
    with backend.db.connect() as connection:
        entries = history.find_newest_runs(connection, stack_id, versions)
    runs = programs.load_all(backend, stack_id, entries)
    newest = {version: next((run for run in runs if (run.version or 0) <= version), None) for version in versions}
    return {version: run for version, run in newest.items() if run is not None}


def end_leases(tx: Connection) -> None:
    """End the leases of all updates that ran when a backup was made: batches that their clients sent afterwards are not in it."""
    # No permission check: the operator restores the installation.
    updates.end_leases(tx)
