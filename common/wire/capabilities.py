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


class ServiceStatus(msgspec.Struct):
    """The reply to a load balancer; it looks at the HTTP status only."""

    status: str
