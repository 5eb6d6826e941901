"""What a load balancer asks: whether this process can serve requests now."""

from common.backend import Backend
from common.db.health import ping
from common.wire.capabilities import ServiceStatus


def ready(backend: Backend) -> ServiceStatus:
    """Return the status of a process whose database answers, in one statement; raises Unavailable otherwise.

    A function does not ask a database that pauses, because each question would wake it. A long-running server does: its jobs keep
    the database awake, and a load balancer has to know when it is gone.
    """
    # No permission check: load balancers have no token, and the answer contains nothing about users.
    if not backend.db.is_left_alone:
        ping(backend.db)
    return ServiceStatus("ok")
