"""Anonymous environments. The shapes of values and expressions come with the language."""

import msgspec


class EnvironmentResponse(msgspec.Struct):
    """Upstream: EnvironmentResponse of an environment without values: every member is omitted."""


class OpenEnvironmentResponse(msgspec.Struct):
    """Upstream: OpenEnvironmentResponse; `diagnostics` is left out on success (esc.md 4.3)."""

    id: str
