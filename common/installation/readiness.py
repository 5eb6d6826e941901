"""What a load balancer asks: whether this process can serve requests now."""

from common.backend import Backend
from common.db.health import ping
from common.wire.capabilities import ServiceStatus


def ready(backend: Backend) -> ServiceStatus:
    """Return the status of a process whose database answers, in one statement; raises Unavailable otherwise.

    A database that pauses is not asked, because each question would wake it.
    """
    # No permission check: load balancers have no token, and the answer contains nothing about users.
    if not backend.settings.database_sleeps:
        ping(backend.db)
    return ServiceStatus("ok")
