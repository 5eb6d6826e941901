"""What an organization uses: resources over time (platform.md 14, search.md)."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.stacks.overview.service import get_resource_usage
from common.stacks.overview.usage import Granularity, Period
from common.wire.usage import GetResourceCountSummaryResponse, ResourceCountSummary
from functions.http.deps import BackendDep, CallerDep, empty, reply

router = APIRouter()
# Beyond what any summary covers, and within what dates can express.
_DAYS_LIMIT, _LATEST_SECONDS = 100_000, 253_402_300_799
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
    periods = get_resource_usage(backend, caller, org, granularity, days=days, start_seconds=start)
    return reply(GetResourceCountSummaryResponse([_summary(period) for period in periods])) if periods else empty()


def _summary(period: Period) -> ResourceCountSummary:
    begin = period.begin
    week = begin.isocalendar().week
    return ResourceCountSummary(begin.year, begin.month, begin.day, week, begin.hour, period.resources, period.resource_hours)
