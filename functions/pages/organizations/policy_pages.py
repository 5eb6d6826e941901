"""What the pages about policies share: their own list of pages, and the addresses of other pages that they lead to."""

from collections.abc import Mapping

from fastapi import Response

from common.core.errors import BackendError
from functions.pages.organization_tabs import policy_tabs_of
from functions.pages.organizations.org_request import OrgRequest


def show(
    request: OrgRequest, name: str, content: Mapping[str, object], *, error: BackendError | None = None, done: str = ""
) -> Response:
    """Return a page about policies; with an error it says what is wrong with its form, `done` is the change that led here."""
    around = {"policy_pages": policy_tabs_of(request.membership)}
    return request.page(f"policies/{name}", {**around, **content}, error=error, done=done)


def address(request: OrgRequest, *parts: str) -> str:
    """Return the address of a page about policies."""
    return request.address("policies", *parts)
