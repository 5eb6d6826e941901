"""Records refused authorizations (`auth-failure-*`), each in a transaction of its own, since the request changed nothing.

A caller can repeat a refused request at will, so few are recorded of each caller and address. Requests that are allowed cost
nothing here.
"""

import logging
from collections.abc import Collection

from common.audit import repository
from common.audit.events import Actor, Event
from common.audit.steps import actor_of, record_as
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BackendError
from common.db.retry import retry
from common.rights.caller import Caller, PermissionDenied
from common.telemetry.instruments import DENIED

LOG = logging.getLogger("stackhold.audit")
WINDOW_MILLIS = 15 * 60_000
# So many are recorded within the window: of a caller in an organization, of an address, and of all who have no user.
CALLER_LIMIT, ADDRESS_LIMIT, STRANGERS_LIMIT = 20, 20, 100
_CALLER_EVENTS = (Event.AUTH_FAILURE_ENVIRONMENT, Event.AUTH_FAILURE_ROLE, Event.AUTH_FAILURE_STACK)
_LAST = "; further ones are not recorded for 15 minutes"


def record_denied(backend: Backend, caller: Caller, denied: PermissionDenied) -> None:
    """Record that a caller lacked a permission. The request was refused in any case: a failure to record it is logged."""
    # No permission check in this module: it records that one failed.
    area = denied.permission.partition(":")[0]
    backend.telemetry.record(DENIED, 1, area)
    event = {"stack": Event.AUTH_FAILURE_STACK, "environment": Event.AUTH_FAILURE_ENVIRONMENT}.get(area, Event.AUTH_FAILURE_ROLE)
    description = f"Lacks the permission {denied.permission}"
    limits = [(_CALLER_EVENTS, CALLER_LIMIT, None)]
    _record(backend, actor_of(caller), denied.org_id, event, description=description, limits=limits)


def record_directory(backend: Backend, org: str, client: str) -> None:
    """Record that a token was refused at the address of an organization's directory (SCIM), if the organization exists."""
    with backend.db.connect() as connection:
        org_id = repository.find_org_id(connection, org)
    if org_id is None:
        return
    events = (Event.AUTH_FAILURE_SCIM,)
    limits = [(events, ADDRESS_LIMIT, client), (events, STRANGERS_LIMIT, None)]
    description = "A token that is not the directory's was refused"
    actor = Actor("", f"{org}/scim", source_ip=client)
    _record(backend, actor, org_id, Event.AUTH_FAILURE_SCIM, description=description, limits=limits)


def _record(
    backend: Backend,
    actor: Actor,
    org_id: str,
    event: Event,
    *,
    description: str,
    limits: Collection[tuple[Collection[Event], int, str | None]],
) -> None:
    since = unix_millis(backend.clock.now()) - WINDOW_MILLIS

    def append() -> None:
        with backend.db.connect() as connection:
            left = min(
                limit - repository.count_recent(connection, org_id, actor.user_id, events, since=since, limit=limit, source_ip=ip)
                for events, limit, ip in limits
            )
        if left <= 0:
            return
        with backend.db.begin() as tx:
            text = description + (_LAST if left == 1 else "")
            record_as(tx, backend, actor, org_id, event, description=text)

    try:
        retry(append)
    except BackendError:
        LOG.exception("a refused request was not recorded in the audit log")
