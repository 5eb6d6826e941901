"""Templates and packages that organizations publish. There is no store yet, so the answers are those of an empty one.

An empty list, not 404: `pulumi new` gives up on a registry that is missing and goes on with one that is empty.
"""

from typing import Never

from common.core.errors import NotFound
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.wire.registry import GetOrgTemplatesResponse, ListPackagesResponse, ListTemplatesResponse

_SHOWN_CHARACTERS = 100


def list_templates(_caller: Caller) -> ListTemplatesResponse:
    """Return the templates that the caller may use: none are published."""
    # No permission check beyond being signed in: listing shows only what the caller may use.
    return ListTemplatesResponse(templates=[])


def list_packages(_caller: Caller) -> ListPackagesResponse:
    """Return the packages that the caller may use: none are published."""
    # No permission check beyond being signed in: listing shows only what the caller may use.
    return ListPackagesResponse(packages=[])


def get_template_version(_caller: Caller, name: str, version: str) -> Never:
    """Raise NotFound: no template is published."""
    raise NotFound(f"Template {_shown(f'{name}@{version}')} not found")


def get_package_version(_caller: Caller, name: str, version: str) -> Never:
    """Raise NotFound: no package is published."""
    raise NotFound(f"Package {_shown(f'{name}@{version}')} not found")


def list_org_templates(caller: Caller, org: str) -> GetOrgTemplatesResponse:
    """Return the templates of an organization's sources: it has no sources."""
    _require_templates(caller, org)
    return GetOrgTemplatesResponse(templates={}, org_has_templates=False, has_access_error=False, has_upstream_error=False)


def download_org_template(caller: Caller, org: str) -> Never:
    """Raise NotFound: the organization has no template sources."""
    _require_templates(caller, org)
    raise NotFound(f"organization {_shown(org)} has no such template")


def _require_templates(caller: Caller, org: str) -> None:
    caller.require(Permission.TEMPLATES_READ, org, missing=f"Organization {_shown(org)} not found")


def _shown(name: str) -> str:
    return ascii(name[:_SHOWN_CHARACTERS])
