"""Templates and packages that organizations publish. There is no store yet, so the answers are those of an empty one.

An empty list, not 404: `pulumi new` gives up on a registry that is missing and goes on with one that is empty.
"""

from typing import Never

from common.core.errors import NotFound
from common.rights.caller import Caller
from common.rights.permissions import Permission

_SHOWN_CHARACTERS = 100


def list_templates(_caller: Caller) -> list[Never]:
    """Return the templates that the caller may use; always empty."""
    # No permission check beyond being signed in: the list shows only what the caller may use.
    return []


def list_packages(_caller: Caller) -> list[Never]:
    """Return the packages that the caller may use; always empty."""
    # No permission check beyond being signed in: the list shows only what the caller may use.
    return []


def get_template_version(_caller: Caller, name: str, version: str) -> Never:
    """Raise NotFound: no template is published."""
    raise NotFound(f"Template {_shorten(f'{name}@{version}')} not found")


def get_package_version(_caller: Caller, name: str, version: str) -> Never:
    """Raise NotFound: no package is published."""
    raise NotFound(f"Package {_shorten(f'{name}@{version}')} not found")


def list_org_templates(caller: Caller, org: str) -> dict[str, list[Never]]:
    """Return the templates of an organization by source; always empty, since it has no sources."""
    _require_templates(caller, org)
    return {}


def list_org_template_sources(caller: Caller, org: str) -> list[Never]:
    """Return the repositories that an organization takes templates from; always empty, since none can be added."""
    _require_templates(caller, org)
    return []


def download_org_template(caller: Caller, org: str) -> Never:
    """Raise NotFound: the organization has no template sources."""
    _require_templates(caller, org)
    raise NotFound(f"organization {_shorten(org)} has no such template")


def _require_templates(caller: Caller, org: str) -> None:
    caller.require(Permission.TEMPLATES_READ, org, missing=f"Organization {_shorten(org)} not found")


def _shorten(name: str) -> str:
    return ascii(name[:_SHOWN_CHARACTERS])
