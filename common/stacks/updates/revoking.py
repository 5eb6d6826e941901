"""Ends updates of those who may no longer run them: a job, since a lease is renewed without the access token.

What is taken away by one row, a token or a place in the organization, stops an update's next statement already
(common/db/authority.py). What roles, teams and grants give takes Python to decide, so this looks at it every few seconds. An
update that ends so is cancelled, and keeps what it recorded.
"""

import logging

from common.access import authentication as access
from common.backend import Backend
from common.core.clock import unix_millis
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import steps as stacks
from common.stacks.model import Outcome
from common.stacks.updates import finishing
from common.stacks.updates.repository import updates
from common.stacks.updates.repository.updates import Begun

LOG = logging.getLogger("stackhold.updates")
PAGE = 100


def end_revoked(backend: Backend, after: str) -> tuple[int, str]:
    """Look at one page of running updates after an id; return how many were cancelled, and the last id, or "" at the end."""
    # No permission check: the job acts for no caller.
    with backend.db.connect() as connection:
        found = updates.running_after(connection, after, PAGE)
    callers: dict[str, Caller | None] = {}
    ended = sum(_end(backend, begun, callers) for begun in found)
    return ended, found[-1].update_id if len(found) == PAGE else ""


def _end(backend: Backend, begun: Begun, callers: dict[str, Caller | None]) -> bool:
    try:
        if begun.may_go_on and _may(backend, begun, callers):
            return False
        LOG.warning("update %s is cancelled: the caller that started it may no longer run it", begun.update_id)
        return finishing.finish(backend, begun.update_id, Outcome.CANCELLED)
    except Exception:  # One update's trouble does not hold up the others.
        LOG.exception("update %s could not be looked at and is tried again", begun.update_id)
        return False


def _may(backend: Backend, begun: Begun, callers: dict[str, Caller | None]) -> bool:
    """Tell whether the update's caller, as things are now, holds what it takes to run it."""
    if begun.token_id not in callers:
        with backend.db.connect() as connection:
            callers[begun.token_id] = access.find_caller(connection, begun.token_id, unix_millis(backend.clock.now()))
    caller = callers[begun.token_id]
    if caller is None:
        return False
    needed = Permission.STACK_READ if begun.dry_run else Permission.STACK_WRITE
    with backend.db.connect() as connection:
        return stacks.still_holds(connection, caller, begun.stack_id, needed)
