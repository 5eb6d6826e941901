"""What an organization uses: resources and secrets over time, and packages (platform.md 13, 14; search.md)."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.core.clock import from_millis
from common.core.usage import Granularity, Period
from common.environments.service.usage import get_secret_usage
from common.stacks.overview.service import StackPackages, get_package_usage, get_resource_usage
from common.wire.usage import (
    GetResourceCountSummaryResponse,
    PackageUsageResponse,
    ResourceCountSummary,
    StackUpdate,
    StackUsage,
)
from functions.http.deps import BackendDep, CallerDep, empty, reply

router = APIRouter()
# Beyond what any summary covers, and within what dates can express.
_DAYS_LIMIT, _LATEST_SECONDS = 100_000, 253_402_300_799
_PAGE_DEFAULT = 100
_Days = Annotated[int | None, Query(alias="lookbackDays", ge=1, le=_DAYS_LIMIT)]
_Start = Annotated[int | None, Query(alias="lookbackStart", ge=0, le=_LATEST_SECONDS)]


@router.get("/api/orgs/{org}/resources/summary")
def get_resource_summary(
    backend: BackendDep,
    caller: CallerDep,
    org: str,
    granularity: Granularity = Granularity.DAILY,
    days: _Days = None,
    start: _Start = None,
) -> Response:
    return _reply(get_resource_usage(backend, caller, org, granularity, days=days, start_seconds=start))


@router.get("/api/orgs/{org}/secrets/summary")
def get_secret_summary(
    backend: BackendDep,
    caller: CallerDep,
    org: str,
    granularity: Granularity = Granularity.DAILY,
    days: _Days = None,
    start: _Start = None,
) -> Response:
    return _reply(get_secret_usage(backend, caller, org, granularity, days=days, start_seconds=start))


@router.get("/api/orgs/{org}/packages/usage")
def list_package_usage(
    backend: BackendDep,
    caller: CallerDep,
    org: str,
    package: Annotated[str, Query(alias="packageName")] = "",
    version: str = "",
    token: Annotated[str, Query(alias="continuationToken")] = "",
    limit: Annotated[int, Query(ge=1)] = _PAGE_DEFAULT,
) -> Response:
    usage = get_package_usage(backend, caller, org, package, version, token, limit)
    stacks = [entry for stack in usage.stacks for entry in _entries(stack)]
    return reply(PackageUsageResponse(package, usage.total, stacks, usage.next_token))


def _reply(periods: Sequence[Period]) -> Response:
    return reply(GetResourceCountSummaryResponse([_summary(period) for period in periods])) if periods else empty()


def _summary(period: Period) -> ResourceCountSummary:
    begin = period.begin
    week = begin.isocalendar().week
    return ResourceCountSummary(begin.year, begin.month, begin.day, week, begin.hour, period.count, period.hours)


def _entries(stack: StackPackages) -> list[StackUsage]:
    update = StackUpdate(from_millis(stack.changed_at).isoformat().replace("+00:00", "Z"), stack.version)
    return [
        StackUsage(stack.name, stack.id, stack.project, use.version, use.provider_of(stack.project, stack.name), update)
        for use in stack.packages
    ]
