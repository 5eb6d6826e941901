"""The scheduled cancelling of updates that their user may no longer run: a lease is renewed without the access token.

When a token or a membership is deleted, the next statement of an update already fails (common/db/authority.py). Roles, teams and
grants are evaluated in Python, so this job checks them every few seconds. An update that it cancels keeps what it recorded.
"""

import logging

from common.access import authentication as access
from common.backend import Backend
from common.core.clock import unix_millis
from common.rights.caller import Caller
from common.stacks import steps as stacks
from common.stacks.model import Outcome
from common.stacks.updates import finishing
from common.stacks.updates.repository import updates
from common.stacks.updates.repository.updates import RunningUpdate
from common.stacks.updates.steps import run_permission

LOG = logging.getLogger("stackhold.updates")
PAGE = 100


def cancel_revoked(backend: Backend, after: str) -> tuple[int, str]:
    """Check one page of running updates after an id; return how many were cancelled, and the last id, or "" at the end."""
    # No permission check: the job acts for no caller.
    with backend.db.connect() as connection:
        running = updates.list_running(connection, after, PAGE)
    callers: dict[str, Caller | None] = {}
    count = sum(_cancel_if_revoked(backend, update, callers) for update in running)
    return count, running[-1].update_id if len(running) == PAGE else ""


def _cancel_if_revoked(backend: Backend, update: RunningUpdate, callers: dict[str, Caller | None]) -> bool:
    try:
        if update.may_continue and _may_run(backend, update, callers):
            return False
        LOG.warning("update %s is cancelled: the caller that started it may no longer run it", update.update_id)
        return finishing.finish(backend, update.update_id, Outcome.CANCELLED)
    except Exception:  # A problem with one update does not hold up the others.
        LOG.exception("update %s could not be checked and is tried again", update.update_id)
        return False


def _may_run(backend: Backend, update: RunningUpdate, callers: dict[str, Caller | None]) -> bool:
    """Tell whether the update's caller has the permission to run it now."""
    if update.token_id not in callers:
        with backend.db.connect() as connection:
            callers[update.token_id] = access.find_caller(connection, update.token_id, unix_millis(backend.clock.now()))
    caller = callers[update.token_id]
    if caller is None:
        return False
    with backend.db.connect() as connection:
        return stacks.has_permission(connection, caller, update.stack_id, run_permission(dry_run=update.dry_run))
