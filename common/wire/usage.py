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


class StackUpdate(msgspec.Struct):
    """Upstream: StackUpdate; `time` in RFC 3339."""

    time: str
    version: int


class StackUsage(msgspec.Struct, rename="camel"):
    """Upstream: StackUsage; a stack that uses a package in several versions has one entry for each."""

    stack_name: str
    stack_id: str
    project_name: str
    version: str
    provider_urn: str
    last_update: StackUpdate


class PackageUsageResponse(msgspec.Struct, rename="camel", omit_defaults=True):
    """Upstream: PackageUsageResponse; no `continuationToken` on the last page."""

    package_name: str
    total_stacks: int
    stacks: list[StackUsage]
    continuation_token: str | None = None
