"""What a load balancer asks: whether this process can serve requests now."""

from common.backend import Backend
from common.db.health import ping
from common.wire.capabilities import ServiceStatus


def ready(backend: Backend) -> ServiceStatus:
    """Return the status of a process whose database answers, in one statement; raises Unavailable otherwise."""
    # No permission check: load balancers have no token, and the answer contains nothing about users.
    ping(backend.db)
    return ServiceStatus("ok")
