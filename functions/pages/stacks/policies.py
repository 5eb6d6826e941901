"""The policies of a stack: its groups and their packs, how it complied with them in its last update, and its open issues."""

from fastapi import APIRouter, Response

from common.policies.groups import service as groups
from common.policies.issues import service as issues
from common.policies.issues.grid import Group, leaf
from common.policies.issues.model import Issue, PolicyResult, percent
from common.policies.issues.service import IssueQuery
from common.rights.permissions import Permission
from common.stacks.model import Stack
from functions.http.deps import BackendDep, StackPathDep
from functions.pages.hiding import unless_hidden
from functions.pages.organization_tabs import organization_address
from functions.pages.rendering import page
from functions.pages.stacks.head import head_of, may_in_organization
from functions.pages.visitor import PersonDep, VisitorDep

router = APIRouter()
_PAGE = "/{org}/{project}/{stack}/policies"
SHOWN_ISSUES = 50


@router.get(_PAGE)
def show_policies(visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep) -> Response:
    """Show which policies a stack must meet, and how far it does."""
    policies = unless_hidden(lambda: groups.get_stack_policies(backend, person, path))
    stack = policies.stack
    org = stack.path.org
    results: list[PolicyResult] = []
    rows: list[Issue] = []
    total = 0
    may_see_results = may_in_organization(person, stack, Permission.POLICY_RESULTS_READ)
    if may_see_results:
        results = issues.list_stack_results(backend, person, org, stack.id)
        rows, total = issues.page_issues(backend, person, org, _open_issues(stack))
    content: dict[str, object] = {
        "head": head_of(backend, person, stack),
        "groups": policies.groups,
        "results": [(result, percent(result.governed, result.failing)) for result in results],
        "rows": rows,
        "total": total,
        "issues_path": organization_address(org, "policies", "issues") if may_see_results else "",
        "groups_path": organization_address(org, "policies", "groups")
        if may_in_organization(person, stack, Permission.POLICY_GROUPS_READ)
        else "",
        "packs_path": organization_address(org, "policies", "packs")
        if may_in_organization(person, stack, Permission.POLICY_PACK_READ)
        else "",
    }
    return page(visitor, "stacks/policies", content, org=org)


def _open_issues(stack: Stack) -> IssueQuery:
    conditions = (leaf("entityProject", "equals", stack.path.project), leaf("entityId", "equals", stack.path.name))
    return IssueQuery(Group(is_any=False, conditions=conditions), last=SHOWN_ISSUES)
