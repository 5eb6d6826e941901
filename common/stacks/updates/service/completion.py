"""Use cases that end an update: its client completes it, a user cancels it, or its lease expires."""

import logging

from sqlalchemy import Connection

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import Conflict, Forbidden
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks.model import FINISHING_MILLIS, Outcome, StackPath, Status
from common.stacks.updates import finishing
from common.stacks.updates.finishing import StateNotBuilt
from common.stacks.updates.leases import LEASE_SECONDS, Lease
from common.stacks.updates.model import Completion
from common.stacks.updates.repository import updates
from common.stacks.updates.steps import CANCELLED, EXPIRED, load_update, unknown_update

LOG = logging.getLogger("stackhold.updates")
# An update with an expired lease stays open for this time: a laptop that wakes up can renew it.
ABANDONED_AFTER_SECONDS = 900


def complete(backend: Backend, lease: Lease, completion: Completion, *, source_ip: str = "") -> None:
    """End the update as its client reports. A repeat succeeds; Forbidden if it was cancelled or the stack has a newer version.

    For a user who may no longer write the stack it ends as cancelled. StateNotBuilt if its state could not be built.
    """
    if finishing.finish_for_client(backend, lease.update_id, completion.outcome, source_ip=source_ip):
        return
    with backend.db.connect() as connection:
        leased = updates.find(connection, lease.update_id)
    if leased is None:
        raise unknown_update(lease.update_id)
    update = leased.update
    if update.status is Status.RUNNING and not leased.may_continue:
        finishing.finish(backend, lease.update_id, Outcome.CANCELLED)
    if update.status is Status.FINISHING and (damage := finishing.resume(backend, lease.update_id)):
        raise StateNotBuilt(damage)
    if update.outcome is Outcome.CANCELLED or not leased.may_continue:
        raise Forbidden(exact=f"Forbidden: {CANCELLED}")
    if update.outcome is Outcome.DAMAGED:
        finishing.retry_damaged(backend, lease.update_id, completion.outcome)
    if update.outcome is Outcome.EXPIRED:
        if leased.has_successor:
            raise Forbidden(exact=f"Forbidden: {EXPIRED}")
        with backend.db.connect() as connection:
            updates.complete_expired(connection, lease.update_id, completion.outcome)


def cancel(backend: Backend, caller: Caller, path: StackPath, update_id: str) -> None:
    """Cancel an update; its recorded state is kept. A repeat succeeds; Conflict if it ended in another way.

    For a damaged update the state is built again; StateNotBuilt if that fails once more.
    """
    with backend.db.connect() as connection:
        stack, update = load_update(connection, caller, path, update_id, Permission.STACK_CANCEL_UPDATE)
        if update.status is Status.NOT_STARTED and updates.cancel_unstarted(
            connection, update_id, unix_millis(backend.clock.now())
        ):
            return

    def record(tx: Connection) -> None:
        what = "a preview" if update.dry_run else f"update {update.version}"
        description = f"Canceled {what} of stack {stack.path}"
        audit.record(tx, backend, caller, stack.org_id, Event.UPDATE_CANCELED, description=description)

    if finishing.cancel(backend, update_id, record):
        return
    with backend.db.connect() as connection:
        _stack, update = load_update(connection, caller, path, update_id, Permission.STACK_CANCEL_UPDATE)
    if update.status is Status.FINISHING:
        finishing.resume(backend, update_id)
    if update.outcome is Outcome.DAMAGED:
        finishing.retry_damaged(backend, update_id, Outcome.CANCELLED)
        return
    if update.outcome is not Outcome.CANCELLED:
        raise Conflict(f"Update '{update_id}' has already finished")


def expire_leases(backend: Backend, limit: int) -> int:
    """Finish up to `limit` updates with clients that have disappeared; return how many.

    One that cannot be finished does not hold up the others: it is tried again, and finally marked as damaged.
    """
    # No permission check: the job acts for no caller.
    now_millis = unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        updates.shorten_leases(connection, now_millis=now_millis, latest_millis=now_millis + LEASE_SECONDS * 1000)
        abandoned = updates.list_abandoned(
            connection,
            lease_before=now_millis - ABANDONED_AFTER_SECONDS * 1000,
            finishing_before=now_millis - FINISHING_MILLIS,
            limit=limit,
        )
    return sum(_expire(backend, update_id, status) for update_id, status in abandoned)


def has_open(backend: Backend) -> bool:
    """Tell whether any update has not ended, so that its lease may expire or its token be revoked."""
    # No permission check: the schedule is part of the installation.
    with backend.db.connect() as connection:
        return updates.has_open(connection)


def _expire(backend: Backend, update_id: str, status: Status) -> bool:
    try:
        if status is Status.RUNNING:
            finishing.finish(backend, update_id, Outcome.EXPIRED)
        else:
            finishing.resume(backend, update_id)
    except Exception:
        LOG.exception("update %s could not be finished and is tried again", update_id)
        return False
    return True
