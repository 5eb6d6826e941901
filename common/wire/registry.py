"""Templates and packages. The entry shapes come with the store; until then every list is empty."""

from typing import Any

import msgspec


class ListTemplatesResponse(msgspec.Struct):
    """Upstream: ListTemplatesResponse; no `continuationToken`: there is one page."""

    templates: list[Any]


class ListPackagesResponse(msgspec.Struct):
    """Upstream: ListPackagesResponse; no `continuationToken`: there is one page."""

    packages: list[Any]


class GetOrgTemplateSourcesResponse(msgspec.Struct):
    """Upstream: GetOrgTemplateSourcesResponse."""

    sources: list[Any]


class GetOrgTemplatesResponse(msgspec.Struct, rename="camel"):
    """Upstream: GetOrgTemplatesResponse; `templates` maps a source's name to its templates."""

    templates: dict[str, list[Any]]
    org_has_templates: bool
    has_access_error: bool
    has_upstream_error: bool
