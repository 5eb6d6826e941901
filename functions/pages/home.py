"""The home of an organization, and a page for every other address in a browser.

Whoever is not signed in does that first, so that strangers do not learn what there is.
"""

from urllib.parse import quote

from fastapi import APIRouter, Response

from functions.pages.hiding import missing
from functions.pages.rendering import page, see_other
from functions.pages.visitor import PersonDep, VisitorDep

router = APIRouter()


@router.get("/{org}")
def show_organization(visitor: VisitorDep, person: PersonDep, org: str) -> Response:
    """Show an organization that the visitor belongs to."""
    membership = person.membership(org)
    if membership is None:
        raise missing()
    return page(visitor, "owner", org=org, membership=membership, is_open=membership.is_open)


@router.get("/{org}/{project}")
def show_project(person: PersonDep, org: str, project: str) -> Response:
    """Lead to the stacks of a project."""
    if person.membership(org) is None:
        raise missing()
    return see_other(f"/{quote(org, safe='')}/stacks?project={quote(project, safe='')}")
