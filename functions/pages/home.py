"""The home of an organization, and a page for every other address in a browser.

A visitor who is not signed in does that first, so that strangers do not learn what there is.
"""

from datetime import timedelta
from urllib.parse import quote

from fastapi import APIRouter, Response

from common.config.public_urls import api_url
from common.core.clock import unix_millis
from common.people.tokens import service as tokens
from common.stacks.overview.service import get_home
from functions.http.deps import BackendDep
from functions.pages.hiding import missing
from functions.pages.rendering import page, see_other
from functions.pages.visitor import PersonDep, VisitorDep

router = APIRouter()
_ROWS = 10
_SOON = timedelta(days=14)


@router.get("/{org}")
def show_organization(visitor: VisitorDep, backend: BackendDep, person: PersonDep, org: str) -> Response:
    """Show what is going on in an organization that the visitor belongs to."""
    membership = person.membership(org)
    if membership is None:
        raise missing()
    if not membership.is_open:
        return page(visitor, "owner", org=org, membership=membership)
    home = get_home(backend, person, org, size=_ROWS)
    return page(
        visitor,
        "home",
        org=org,
        home=home,
        expiring=tokens.list_expiring_tokens(backend, person, org, _SOON, limit=_ROWS),
        server=api_url(backend.settings),
        now=unix_millis(backend.clock.now()),
    )


@router.get("/{org}/{project}")
def show_project(person: PersonDep, org: str, project: str) -> Response:
    """Lead to the stacks of a project."""
    if person.membership(org) is None:
        raise missing()
    return see_other(f"/{quote(org, safe='')}/stacks?project={quote(project, safe='')}")
