"""What the server can do, and for which clients."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType


class APICapabilityConfig(msgspec.Struct):
    """Upstream: apitype.APICapabilityConfig. A malformed one makes clients drop all of them."""

    capability: str
    version: int
    configuration: dict[str, Any] | UnsetType = UNSET


class CapabilitiesResponse(msgspec.Struct):
    """Upstream: apitype.CapabilitiesResponse."""

    capabilities: list[APICapabilityConfig]


class CLIVersionResponse(msgspec.Struct, rename="camel"):
    """Upstream: apitype.CLIVersionResponse; versions without a leading v."""

    latest_version: str
    oldest_without_warning: str
    latest_dev_version: str


class ServiceCheck(msgspec.Struct):
    """One check of the installation: `outcome` is ok, warning, failed, not run or off."""

    name: str
    outcome: str
    lines: list[str]


class ServiceReport(msgspec.Struct, rename="camel"):
    """The reply to a site administrator who asks for all checks; `status` is the worst outcome, the time is RFC 3339."""

    status: str
    checked_at: str
    checks: list[ServiceCheck]


class ServiceStatus(msgspec.Struct):
    """The reply to a load balancer; it looks at the HTTP status only."""

    status: str
