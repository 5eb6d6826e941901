"""What an organization uses. Upstream: `pulumi org usage`."""

import msgspec


class ResourceCountSummary(msgspec.Struct, rename="camel"):
    """Upstream: ResourceCountSummary; the members of time are those of the period's beginning, in UTC."""

    year: int
    month: int
    day: int
    week_number: int
    hour: int
    resources: int
    resource_hours: int


class GetResourceCountSummaryResponse(msgspec.Struct, rename="camel"):
    """Upstream: GetResourceCountSummaryResponse, oldest first."""

    summary: list[ResourceCountSummary]
