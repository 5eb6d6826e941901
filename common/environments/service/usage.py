"""Use cases for what an organization uses of environments."""

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.usage import Granularity, Period, get_start, sum_up
from common.environments.repository import usage
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission


def get_secret_usage(
    backend: Backend, caller: Caller, org: str, granularity: Granularity, *, days: int | None, start_seconds: int | None
) -> list[Period]:
    """Return how many secrets the environments of an organization had, as get_resource_usage does for resources of stacks."""
    membership = caller.require(Permission.ORGANIZATION_READ_USAGE, org, missing=missing_org(org))
    now = backend.clock.now()
    start = get_start(now, granularity, days=days, start_seconds=start_seconds)
    with backend.db.connect() as connection:
        counts = usage.find_counts(connection, membership.org_id, unix_millis(start))
    return sum_up(counts, start, now, granularity)
