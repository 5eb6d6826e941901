"""Issues of policies, and compliance (platform.md 12). The same calls have a second, newer address."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from msgspec import UNSET

from common.core.clock import from_millis
from common.core.errors import BadRequest
from common.policies.issues import model
from common.policies.issues import service as issues
from common.policies.issues.grid import DEPTH_LIMIT, Condition, Group, Sorting, leaf
from common.policies.issues.model import Issue
from common.policies.issues.service import PAGE_SIZE, Entity, IssueChange, IssueQuery
from common.policies.packs.model import PackVersion
from common.wire.policy_issues import (
    AngularGridFilterModel,
    AngularGridGetRowsRequest,
    GetPolicyComplianceResultsRequest,
    GetPolicyComplianceResultsResponse,
    GetPolicyIssueResponse,
    ListPoliciesComplianceResponse,
    ListPolicyIssuesResponse,
    ListPolicyViolationsV2Response,
    PolicyComplianceResult,
    PolicyComplianceRow,
    PolicyIssue,
    PolicyIssueFiltersRequest,
    PolicyIssueFiltersResponse,
    PolicyIssueFilterValue,
    PolicyResultsMetadata,
    PolicyViolationV2,
    UpdatePolicyIssueRequest,
)
from common.wire.stacks import UserInfo
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, reply
from functions.http.issue_exports import issue_export
from functions.http.shapes import pack_policy_shape, registry_pack_shape

router = APIRouter()
_RESULTS = "/api/orgs/{org}/policyresults"
_FINDINGS = "/api/orgs/{org}/policy/findings"
_LAST_ROW = 1_000_000_000
_Closed = Annotated[bool, Query()]


@router.post(f"{_RESULTS}/issues")
@router.post(_FINDINGS)
def list_policy_issues(backend: BackendDep, caller: CallerDep, org: str, body: BodyDep, *, closed: _Closed = False) -> Response:
    request = body.decode(AngularGridGetRowsRequest)
    query = _query(request, is_closed=closed)
    column = _group_column(request)
    if column is not None:
        values = issues.count_by(backend, caller, org, query, column)
        return reply(ListPolicyIssuesResponse([], [{column: name, "count": count} for name, count in values], len(values)))
    page, count = issues.page_issues(backend, caller, org, query)
    return reply(ListPolicyIssuesResponse([_issue(issue) for issue in page], [], count))


@router.post(f"{_RESULTS}/issues/export")
@router.post(f"{_FINDINGS}/export")
def export_policy_issues(backend: BackendDep, caller: CallerDep, org: str, body: BodyDep, *, closed: _Closed = False) -> Response:
    query = _query(body.decode(AngularGridGetRowsRequest), is_closed=closed)
    return issue_export(backend, issues.export_issues(backend, caller, org, query), {}, "text/plain")


@router.post(f"{_RESULTS}/issues/filters")
@router.post(f"{_FINDINGS}/filters")
def get_policy_issues_filters(
    backend: BackendDep, caller: CallerDep, org: str, body: BodyDep, *, closed: _Closed = False
) -> Response:
    request = body.decode(PolicyIssueFiltersRequest)
    query = IssueQuery(_condition(request.filter_model), is_closed=closed)
    values = issues.count_by(backend, caller, org, query, request.field)
    return reply(PolicyIssueFiltersResponse(request.field, [PolicyIssueFilterValue(name, count) for name, count in values]))


@router.get(f"{_RESULTS}/issues/{{issue_id}}")
def get_policy_issue(backend: BackendDep, caller: CallerDep, org: str, issue_id: str) -> Response:
    return reply(_details(*issues.get_issue(backend, caller, org, issue_id), org))


@router.patch(f"{_RESULTS}/issues/{{issue_id}}")
@router.patch(f"{_FINDINGS}/{{issue_id}}")
def update_policy_issue(backend: BackendDep, caller: CallerDep, org: str, issue_id: str, body: BodyDep) -> Response:
    request = body.decode(UpdatePolicyIssueRequest)
    assignee = None if request.assigned_to is UNSET else request.assigned_to or ""
    change = IssueChange(request.status or None, request.priority or None, assignee)
    return reply(_details(*issues.update_issue(backend, caller, org, issue_id, change), org))


@router.post(f"{_RESULTS}/compliance")
@router.post(f"{_FINDINGS}/compliance")
def get_policy_compliance_results(backend: BackendDep, caller: CallerDep, org: str, body: BodyDep) -> Response:
    request = body.decode(GetPolicyComplianceResultsRequest)
    size = request.size if request.size > 0 else issues.PAGE_LIMIT
    token = request.continuation_token or None
    compliance, next_token = issues.page_compliance(backend, caller, org, _entity(request.entity), size=size, token=token)
    rows = [PolicyComplianceResult(name, scores) for name, scores in compliance.scores.items()]
    return reply(GetPolicyComplianceResultsResponse(compliance.packs, rows, next_token or UNSET))


@router.get(f"{_RESULTS}/metadata")
@router.get(f"{_FINDINGS}/metadata")
def get_policy_results_metadata(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    totals = issues.get_totals(backend, caller, org)
    return reply(
        PolicyResultsMetadata(totals.policies, totals.policies_with_issues, totals.resources, totals.resources_with_issues)
    )


@router.post(f"{_RESULTS}/policies")
@router.post(f"{_FINDINGS}/policies")
def list_policies_compliance(backend: BackendDep, caller: CallerDep, org: str, body: BodyDep) -> Response:
    request = body.decode(AngularGridGetRowsRequest)
    first = min(max(request.start_row, 0), _LAST_ROW)
    last = request.end_row if request.end_row > first else first + issues.PAGE_LIMIT
    page, count = issues.page_policies(backend, caller, org, first=first, last=last)
    return reply(ListPoliciesComplianceResponse([_compliance(row) for row in page], count))


@router.get(f"{_RESULTS}/violationsv2")
def list_policy_violations_v2(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    page, _ = issues.page_issues(backend, caller, org, IssueQuery(last=issues.PAGE_LIMIT))
    return reply(ListPolicyViolationsV2Response([_violation(issue) for issue in page]))


@router.get(f"{_FINDINGS}/{{issue_id}}")
def get_policy_finding(backend: BackendDep, caller: CallerDep, org: str, issue_id: str) -> Response:
    return reply(_details(*issues.get_issue(backend, caller, org, issue_id), org))


def _query(request: AngularGridGetRowsRequest, *, is_closed: bool) -> IssueQuery:
    first = min(max(request.start_row, 0), _LAST_ROW)
    last = request.end_row if request.end_row > first else first + PAGE_SIZE
    order = tuple(Sorting(item.col_id, item.sort == "desc") for item in request.sort_model or ())
    conditions = [_condition(request.filter_model), *_chosen_groups(request)]
    present = tuple(condition for condition in conditions if condition is not None)
    return IssueQuery(Group(is_any=False, conditions=present) if present else None, order, first, last, is_closed)


def _chosen_groups(request: AngularGridGetRowsRequest) -> list[Condition]:
    """Return the conditions of the groups that a grid has opened."""
    names = [column.field or column.id for column in request.row_group_cols or ()]
    return [leaf(name, "equals", key) for name, key in zip(names, request.group_keys or (), strict=False)]


def _group_column(request: AngularGridGetRowsRequest) -> str | None:
    """Return the column that a grid groups by next, or None where it wants issues."""
    columns, keys = request.row_group_cols or [], request.group_keys or []
    return (columns[len(keys)].field or columns[len(keys)].id) if len(columns) > len(keys) else None


def _condition(filter_model: AngularGridFilterModel | None, depth: int = 1) -> Condition | None:
    if filter_model is None:
        return None
    if depth > DEPTH_LIMIT:
        raise BadRequest(f"a filter may have at most {DEPTH_LIMIT} levels of conditions")
    if filter_model.conditions is not None and not filter_model.col_id:
        parts = tuple(part for one in filter_model.conditions if (part := _condition(one, depth + 1)) is not None)
        return Group(is_any=(filter_model.type or "").upper() == "OR", conditions=parts) if parts else None
    if not filter_model.col_id:
        return None
    return leaf(filter_model.col_id, filter_model.type or "equals", str(filter_model.filter or ""))


def _entity(text: str) -> Entity:
    if text not in [entity.value for entity in Entity]:
        raise BadRequest(f"entity must be {', '.join(Entity)}")
    return Entity(text)


def _details(issue: Issue, version: PackVersion | None, org: str) -> GetPolicyIssueResponse:
    shape = GetPolicyIssueResponse(_issue(issue))
    if version is not None:
        shape.policy_pack = registry_pack_shape(version, org)
        policy = next((policy for policy in version.policies if policy.name == issue.policy), None)
        shape.policy = pack_policy_shape(policy) if policy is not None else UNSET
    return shape


def _issue(issue: Issue) -> PolicyIssue:
    return PolicyIssue(
        id=issue.id,
        entity_type="stack",
        entity_project=issue.project,
        entity_id=issue.stack,
        stack_version=issue.stack_version,
        resource_version=0,
        policy_pack=issue.pack,
        policy_pack_tag=issue.tag,
        policy_name=issue.policy,
        resource_urn=issue.urn,
        resource_provider=issue.resource_type.partition(":")[0],
        resource_type=issue.resource_type,
        resource_name=issue.resource_name,
        message=issue.message,
        observed_at=from_millis(issue.observed_at),
        last_modified=from_millis(issue.modified_at),
        level=issue.level,
        severity=issue.severity,
        status=issue.status.value,
        kind=issue.kind.value,
        priority=issue.priority,
        policy_group_name=issue.group,
        policy_group_type=issue.kind.value,
        assigned_to=_user(issue.assignee) if issue.assignee is not None else UNSET,
    )


def _user(person: model.Assignee) -> UserInfo:
    return UserInfo(person.name, person.login, person.avatar_url)


def _violation(issue: Issue) -> PolicyViolationV2:
    return PolicyViolationV2(
        id=issue.id,
        project_name=issue.project,
        stack_name=issue.stack,
        stack_version=issue.stack_version,
        resource_version=0,
        policy_pack=issue.pack,
        policy_pack_tag=issue.tag,
        policy_name=issue.policy,
        resource_urn=issue.urn,
        resource_type=issue.resource_type,
        resource_name=issue.resource_name,
        message=issue.message,
        observed_at=from_millis(issue.observed_at),
        level=issue.level,
        kind=issue.kind.value,
    )


def _compliance(row: issues.PolicyCompliance) -> PolicyComplianceRow:
    result = row.result
    return PolicyComplianceRow(
        policy_name=result.key.policy,
        severity=result.severity,
        failing_resources=result.failing,
        governed_resources=result.governed,
        percent_compliant=max(row.percent, 0),
        policy_pack=result.key.pack,
        policy_group_name=result.group,
        policy_group_type=result.kind.value,
    )
