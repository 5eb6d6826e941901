"""Issues of policies: narrowed by the address, exported, and each with its policy, its exceptions and who takes care of it."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Response

from common.core.errors import BackendError
from common.policies.exceptions import model as exception_model
from common.policies.exceptions import service as exceptions
from common.policies.exceptions.model import ExceptionSearch, PolicyException
from common.policies.issues import grid
from common.policies.issues import service as issues
from common.policies.issues.grid import Condition, Sorting, leaf
from common.policies.issues.model import PRIORITIES, SETTABLE, SEVERITIES, Issue, IssueStatus
from common.policies.issues.service import IssueChange, IssueQuery
from common.rights.permissions import Permission
from functions.http.issue_exports import issue_export
from functions.pages.hiding import unless_hidden
from functions.pages.organizations import policy_pages
from functions.pages.organizations.choices import clean
from functions.pages.organizations.org_request import OrgRequest, OrgRequestDep
from functions.pages.organizations.policy_exceptions import PERIODS
from functions.pages.paging import PAGE_ROWS, PageNumberDep, Paging
from functions.pages.visitor import FormDep

router = APIRouter()
_LIST = "/{org}/settings/policies/issues"
_ISSUE = f"{_LIST}/{{issue_id}}"
CLOSED = "closed"
_ORDERS = {"severity": Sorting("severity", is_descending=True), "priority": Sorting("priority", is_descending=False)}
_SEARCHED = ("message", "policyName", "resourceName", "resourceType")
_Text = Annotated[str, Query()]


@dataclass(frozen=True, slots=True)
class IssueFilter:
    """The filters of an address, as texts; `stack` is project/stack."""

    q: str = ""
    status: str = ""
    severity: str = ""
    pack: str = ""
    policy: str = ""
    stack: str = ""
    assignee: str = ""
    sort: str = ""

    def query(self, number: int = 1, size: int = PAGE_ROWS) -> IssueQuery:
        """Return what is asked of the service."""
        conditions = tuple(self._conditions())
        return IssueQuery(
            grid.Group(is_any=False, conditions=conditions) if conditions else None,
            (_ORDERS[self.sort], Sorting("observedAt", is_descending=True)) if self.sort in _ORDERS else (),
            (number - 1) * size,
            number * size,
            self.status == CLOSED,
        )

    def _conditions(self) -> list[Condition]:
        project, has_both, name = self.stack.partition("/")
        wanted = {
            "status": self.status if self.status in list(IssueStatus) else "",
            "severity": self.severity,
            "policyPack": self.pack,
            "policyName": self.policy,
            "entityProject": project,
            "entityId": name if has_both else "",
            "assignedTo": self.assignee,
        }
        conditions: list[Condition] = [leaf(column, "equals", text) for column, text in wanted.items() if text]
        if self.q:
            conditions.append(grid.Group(is_any=True, conditions=tuple(leaf(name, "contains", self.q) for name in _SEARCHED)))
        return conditions


async def get_issue_filter(
    *,
    q: _Text = "",
    status: _Text = "",
    severity: _Text = "",
    pack: _Text = "",
    policy: _Text = "",
    stack: _Text = "",
    assignee: _Text = "",
    sort: _Text = "",
) -> IssueFilter:
    """Return the filters of an address."""
    return IssueFilter(*map(clean, (q, status, severity, pack, policy, stack, assignee, sort)))


IssueFilterDep = Annotated[IssueFilter, Depends(get_issue_filter)]


@router.get(_LIST)
def list_issues(request: OrgRequestDep, number: PageNumberDep, chosen: IssueFilterDep) -> Response:
    """Show a page of issues."""
    rows, total = unless_hidden(lambda: issues.page_issues(request.backend, request.caller, request.org, chosen.query(number)))
    path = policy_pages.address(request, "issues")
    filters = asdict(chosen)
    exported = urlencode({name: text for name, text in filters.items() if text})
    content = {
        "chosen": chosen,
        "is_narrowed": any(filters.values()),
        "rows": rows,
        "severities": SEVERITIES[::-1],
        "statuses": [status.value for status in IssueStatus],
        "export": f"{path}/export?{exported}" if exported else f"{path}/export",
        "paging": Paging(path, filters, number, len(rows), total),
    }
    return policy_pages.show(request, "issues", content)


@router.get(f"{_LIST}/export")
def export_issues(request: OrgRequestDep, chosen: IssueFilterDep) -> Response:
    """Return the issues that match as a file."""
    text = unless_hidden(lambda: issues.export_issues(request.backend, request.caller, request.org, chosen.query()))
    headers = {
        "Content-Disposition": f'attachment; filename="{request.org}-policy-issues.csv"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return issue_export(request.backend, text, headers, "text/csv")


@router.get(_ISSUE)
def show_issue(request: OrgRequestDep, issue_id: str, done: _Text = "") -> Response:
    """Show an issue with its policy and the exceptions for it."""
    return _page(request, issue_id, done=done)


@router.post(_ISSUE)
def update_issue(request: OrgRequestDep, issue_id: str, form: FormDep) -> Response:
    """Change status, priority and assignee of an issue."""

    def act() -> None:
        issue, _ = issues.get_issue(request.backend, request.caller, request.org, issue_id)
        login = issue.assignee.login if issue.assignee is not None else ""
        change = IssueChange(
            _changed(form.text("status"), issue.status),
            _changed(form.text("priority"), issue.priority),
            form.text("assignee") if form.text("assignee") != login else None,
        )
        issues.update_issue(request.backend, request.caller, request.org, issue_id, change)

    return request.change(
        act,
        f"{policy_pages.address(request, 'issues', issue_id)}?done=saved",
        lambda error: _page(request, issue_id, error=error, entered=form.text),
    )


def _changed(text: str, before: str) -> str | None:
    return text if text and text != before else None


def _page(
    request: OrgRequest,
    issue_id: str,
    *,
    error: BackendError | None = None,
    done: str = "",
    entered: Callable[[str], str] | None = None,
) -> Response:
    issue, version = unless_hidden(lambda: issues.get_issue(request.backend, request.caller, request.org, issue_id))
    policies = version.policies if version is not None else []
    login = issue.assignee.login if issue.assignee is not None else ""
    content = {
        "issue": issue,
        "path": policy_pages.address(request, "issues"),
        "policy": next((policy for policy in policies if policy.name == issue.policy), None),
        "pack_path": policy_pages.address(request, "packs", issue.pack) if request.may(Permission.POLICY_PACK_READ) else "",
        "version_is_kept": version is not None,
        "exceptions": _exceptions(request, issue),
        "exceptions_path": policy_pages.address(request, "exceptions"),
        "statuses": SETTABLE,
        "priorities": PRIORITIES,
        "assignee": entered("assignee") if entered is not None else login,
        "periods": PERIODS,
        "may_update": request.may(Permission.POLICY_RESULTS_UPDATE),
        "may_except": request.may(Permission.POLICY_EXCEPTIONS_CREATE) and issue.urn.startswith("urn:"),
    }
    return policy_pages.show(request, "issue", content, error=error, done=done)


def _exceptions(request: OrgRequest, issue: Issue) -> list[PolicyException]:
    """Return the active exceptions for the policy and the resource of an issue."""
    if not request.may(Permission.POLICY_EXCEPTIONS_READ):
        return []
    search = ExceptionSearch(issue.pack, issue.policy, f"{issue.project}/{issue.stack}")
    page, _ = exceptions.page_exceptions(request.backend, request.caller, request.org, search, limit=exceptions.PAGE_LIMIT)
    return [
        exception
        for exception in page
        if any(
            issue.policy in match.policies and issue.urn in match.targets for match in exception_model.decode(exception.matches)
        )
    ]
