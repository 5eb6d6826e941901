"""How far the stacks of an organization comply with their policies, by stack, severity or policy."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.policies.issues import service as issues
from common.policies.issues.service import Entity
from functions.pages.hiding import unless_hidden
from functions.pages.organizations import policy_pages
from functions.pages.organizations.org_request import OrgRequest, OrgRequestDep
from functions.pages.paging import PAGE_ROWS, PageNumberDep, Paging

router = APIRouter()
_PAGE = "/{org}/settings/policies/compliance"
_BY_POLICY = "policy"
_VIEWS = ((Entity.STACK.value, "By stack"), (Entity.SEVERITY.value, "By severity"), (_BY_POLICY, "By policy"))
_Text = Annotated[str, Query()]


@router.get(_PAGE)
def show_compliance(request: OrgRequestDep, number: PageNumberDep, by: _Text = "") -> Response:
    """Show how many resources of a hundred pass, and how many have open issues."""
    totals = unless_hidden(lambda: issues.get_totals(request.backend, request.caller, request.org))
    view = by if by in dict(_VIEWS) else Entity.STACK.value
    columns, shown, total = _rows(request, view, (number - 1) * PAGE_ROWS, totals.stacks)
    path = policy_pages.address(request, "compliance")
    content = {
        "totals": totals,
        "views": _VIEWS,
        "view": view,
        "columns": columns,
        "rows": shown,
        "path": path,
        "issues_path": policy_pages.address(request, "issues"),
        "paging": Paging(path, {"by": by if by in dict(_VIEWS) else ""}, number, len(shown), total),
    }
    return policy_pages.show(request, "compliance", content)


def _rows(request: OrgRequest, view: str, first: int, stacks: int) -> tuple[list[str], list[object], int]:
    """Return the packs, a page of stacks or severities with their scores, and how many there are.

    By policy it has policies, and no packs.
    """
    where = (request.backend, request.caller, request.org)
    if view == _BY_POLICY:
        policies, count = issues.page_policies(*where, first=first, last=first + PAGE_ROWS)
        return [], [*policies], count
    compliance, _ = issues.page_compliance(*where, Entity(view), size=PAGE_ROWS, offset=first)
    rows: list[object] = [*compliance.scores.items()]
    if view == Entity.STACK:
        return compliance.packs, rows, stacks
    return compliance.packs, rows[first:], len(rows)
