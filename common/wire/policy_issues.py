"""Issues, compliance and exceptions of policies: the models of upstream's API description."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from common.wire.policies import Policy, RegistryPolicyPack
from common.wire.stacks import UserInfo

Kind = Literal["audit", "preventative"]


class AngularGridFilterModel(msgspec.Struct, rename="camel"):
    """Upstream: AngularGridFilterModel: a comparison, or with `conditions` several of them."""

    filter: Any = None
    col_id: str | None = None
    filter_type: str | None = None
    type: str | None = None
    conditions: "list[AngularGridFilterModel] | None" = None


class AngularGridSortModelItem(msgspec.Struct, rename="camel"):
    """Upstream: AngularGridSortModelItem."""

    col_id: str
    sort: str = "asc"


class AngularGridColumn(msgspec.Struct, rename="camel"):
    """Upstream: AngularGridColumn."""

    id: str
    field: str | None = None


class AngularGridGetRowsRequest(msgspec.Struct, rename="camel"):
    """Upstream: AngularGridGetRowsRequest."""

    start_row: int = 0
    end_row: int = 0
    row_group_cols: list[AngularGridColumn] | None = None
    group_keys: list[str] | None = None
    filter_model: AngularGridFilterModel | None = None
    sort_model: list[AngularGridSortModelItem] | None = None


class PolicyIssue(msgspec.Struct, rename="camel"):
    """Upstream: PolicyIssue."""

    id: str
    entity_type: Literal["stack"]
    entity_project: str
    entity_id: str
    stack_version: int
    resource_version: int
    policy_pack: str
    policy_pack_tag: str
    policy_name: str
    resource_urn: str = msgspec.field(name="resourceURN")
    resource_provider: str
    resource_type: str
    resource_name: str
    message: str
    observed_at: datetime
    last_modified: datetime
    level: str
    severity: str
    status: str
    kind: Kind
    priority: str
    policy_group_name: str
    policy_group_type: Kind
    assigned_to: UserInfo | UnsetType = UNSET


class ListPolicyIssuesResponse(msgspec.Struct, rename="camel"):
    """Upstream: ListPolicyIssuesResponse."""

    policy_issues: list[PolicyIssue]
    group_data: list[dict[str, Any]]
    row_count: int


class GetPolicyIssueResponse(msgspec.Struct, rename="camel"):
    """Upstream: GetPolicyIssueResponse; the pack is absent once its version is deleted."""

    policy_issue: PolicyIssue
    policy: Policy | UnsetType = UNSET
    policy_pack: RegistryPolicyPack | UnsetType = UNSET


class UpdatePolicyIssueRequest(msgspec.Struct, rename="camel"):
    """Upstream: UpdatePolicyIssueRequest; an empty or null `assignedTo` unassigns."""

    assigned_to: str | UnsetType | None = UNSET
    status: str | None = None
    priority: str | None = None


class PolicyIssueFiltersRequest(msgspec.Struct, rename="camel"):
    """Upstream: PolicyIssueFiltersRequest."""

    field: str
    filter_model: AngularGridFilterModel | None = None


class PolicyIssueFilterValue(msgspec.Struct):
    """Upstream: PolicyIssueFilterValue."""

    name: str
    count: int


class PolicyIssueFiltersResponse(msgspec.Struct):
    """Upstream: PolicyIssueFiltersResponse."""

    field: str
    values: list[PolicyIssueFilterValue]


class GetPolicyComplianceResultsRequest(msgspec.Struct, rename="camel"):
    """Upstream: GetPolicyComplianceResultsRequest."""

    entity: str
    continuation_token: str | None = None
    size: int = 0


class PolicyComplianceResult(msgspec.Struct, rename="camel"):
    """Upstream: PolicyComplianceResult; a score is out of a hundred, -1 means that nothing is governed."""

    entity_name: str
    scores: list[int]


class GetPolicyComplianceResultsResponse(msgspec.Struct, rename="camel"):
    """Upstream: GetPolicyComplianceResultsResponse."""

    columns: list[str]
    rows: list[PolicyComplianceResult]
    continuation_token: str | UnsetType = UNSET


class PolicyResultsMetadata(msgspec.Struct, rename="camel"):
    """Upstream: PolicyResultsMetadata."""

    policy_total_count: int
    policy_with_issues_count: int
    resources_total_count: int
    resources_with_issues_count: int


class PolicyComplianceRow(msgspec.Struct, rename="camel"):
    """Upstream: PolicyComplianceRow."""

    policy_name: str
    severity: str
    failing_resources: int
    governed_resources: int
    percent_compliant: int
    policy_pack: str
    policy_group_name: str
    policy_group_type: Kind


class ListPoliciesComplianceResponse(msgspec.Struct, rename="camel"):
    """Upstream: ListPoliciesComplianceResponse."""

    policies: list[PolicyComplianceRow]
    total_count: int


class PolicyViolationV2(msgspec.Struct, rename="camel"):
    """Upstream: PolicyViolationV2."""

    id: str
    project_name: str
    stack_name: str
    stack_version: int
    resource_version: int
    policy_pack: str
    policy_pack_tag: str
    policy_name: str
    resource_urn: str = msgspec.field(name="resourceURN")
    resource_type: str
    resource_name: str
    message: str
    observed_at: datetime
    level: str
    kind: Kind


class ListPolicyViolationsV2Response(msgspec.Struct, rename="camel"):
    """Upstream: ListPolicyViolationsV2Response."""

    policy_violations: list[PolicyViolationV2]


class PolicyExceptionMatch(msgspec.Struct):
    """Upstream: PolicyExceptionMatch."""

    policies: list[str]
    targets: list[str]


class CreatePolicyExceptionRequest(msgspec.Struct, rename="camel"):
    """Upstream: CreatePolicyExceptionRequest."""

    policy_pack: str
    match: list[PolicyExceptionMatch]
    reason: str
    expires_in_seconds: int | None = None


class PolicyException(msgspec.Struct, rename="camel"):
    """Upstream: PolicyException."""

    id: str
    policy_pack: str
    match: list[PolicyExceptionMatch]
    reason: str
    status: Literal["active", "removed"]
    created_at: datetime
    expires_at: datetime | UnsetType = UNSET
    created_by: UserInfo | UnsetType = UNSET
    removed_by: UserInfo | UnsetType = UNSET
    removed_at: datetime | UnsetType = UNSET


class ListPolicyExceptionsResponse(msgspec.Struct, rename="camel"):
    """Upstream: ListPolicyExceptionsResponse; clients go on while there is a token, also an empty one."""

    exceptions: list[PolicyException]
    continuation_token: str | UnsetType = UNSET
