"""Change gates and change requests: upstream's schemas of the same names. Times are RFC 3339."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from common.wire.stacks import UserInfo


class EligibilityInput(msgspec.Struct, rename="camel"):
    """Upstream: ApprovalRuleEligibilityInput and those made of it; the type says which member is set."""

    eligibility_type: str
    team_name: str | None = None
    user_login: str | None = None
    permission: str | None = None


class ChangeGateRuleInput(msgspec.Struct, rename="camel"):
    """Upstream: ChangeGateApprovalRuleInput."""

    rule_type: str
    num_approvals_required: int
    eligible_approvers: list[EligibilityInput]
    allow_self_approval: bool = False
    require_reapproval_on_change: bool = False


class ChangeGateTargetInput(msgspec.Struct, rename="camel"):
    """Upstream: ChangeGateTargetInput; without a name it is about all things of the type."""

    entity_type: str
    action_types: list[str]
    qualified_name: str | None = None


class CreateChangeGateRequest(msgspec.Struct, rename="camel"):
    """Upstream: CreateChangeGateRequest, and UpdateChangeGateRequest, which is the same."""

    name: str
    rule: ChangeGateRuleInput
    target: ChangeGateTargetInput
    enabled: bool = True


class UserEligibility(msgspec.Struct, rename="camel"):
    """Upstream: ApprovalRuleEligibilityOutputUser."""

    user: UserInfo
    eligibility_type: str = "specific_user"


class TeamEligibility(msgspec.Struct, rename="camel"):
    """Upstream: ApprovalRuleEligibilityOutputTeam."""

    name: str
    display_name: str
    eligibility_type: str = "team_member"


class PermissionEligibility(msgspec.Struct, rename="camel"):
    """Upstream: ApprovalRuleEligibilityOutputPermission."""

    permission: str
    eligibility_type: str = "has_permission_on_target"


class ChangeGateRuleOutput(msgspec.Struct, rename="camel"):
    """Upstream: ChangeGateApprovalRuleOutput."""

    num_approvals_required: int
    allow_self_approval: bool
    require_reapproval_on_change: bool
    eligible_approvers: list[UserEligibility | TeamEligibility | PermissionEligibility | Any]
    rule_type: str = "approval_required"


class TargetEntityEnvironment(msgspec.Struct, rename="camel"):
    """Upstream: TargetEntityEnvironment."""

    project: str
    name: str
    entity_type: str = "environment"


class ChangeGateTargetOutput(msgspec.Struct, rename="camel"):
    """Upstream: ChangeGateTargetOutput."""

    entity_type: str
    action_types: list[str]
    qualified_name: str | UnsetType = UNSET
    entity_info: TargetEntityEnvironment | UnsetType = UNSET


class ChangeGate(msgspec.Struct):
    """Upstream: ChangeGate."""

    id: str
    name: str
    enabled: bool
    rule: ChangeGateRuleOutput
    target: ChangeGateTargetOutput


class ListChangeGatesResponse(msgspec.Struct, rename="camel"):
    """Upstream: ListChangeGatesResponse; all gates are on one page."""

    gates: list[ChangeGate]
    continuation_token: str = ""


class ChangeRequest(msgspec.Struct, rename="camel"):
    """Upstream: ChangeRequest."""

    id: str
    status: str
    org_id: str = msgspec.field(name="orgID")
    created_by: UserInfo
    description: str
    created_at: str
    entity: TargetEntityEnvironment
    action: str
    latest_revision_number: int


class ListChangeRequestsResponse(msgspec.Struct, rename="camel"):
    """Upstream: ListChangeRequestsResponse; the token is empty at the end."""

    change_requests: list[ChangeRequest]
    continuation_token: str


class ChangeGateRuleEvaluation(msgspec.Struct, rename="camel"):
    """Upstream: ChangeGateApprovalRuleEvaluation; the approvers are those whose approvals count."""

    required_approvals: int
    approvers: list[UserInfo]
    rule_type: str = "approval_required"


class ChangeGateEvaluation(msgspec.Struct, rename="camel"):
    """Upstream: ChangeGateEvaluation."""

    id: str
    name: str
    satisfied: bool
    rule_details: ChangeGateRuleEvaluation


class ChangeRequestGateEvaluation(msgspec.Struct, rename="camel"):
    """Upstream: ChangeRequestGateEvaluation."""

    satisfied: bool
    applicable_gates: list[ChangeGateEvaluation]


class GetChangeRequestResponse(ChangeRequest, rename="camel", kw_only=True):
    """Upstream: GetChangeRequestResponse."""

    gate_evaluation: ChangeRequestGateEvaluation


class ChangeRequestEvent(msgspec.Struct, rename="camel"):
    """Upstream: ChangeRequestEvent and those made of it; what a type does not have is left out."""

    event_type: str
    id: str
    change_request_id: str
    revision_number: int
    created_by: UserInfo
    created_at: str
    replaced_by: str | UnsetType = UNSET
    comment: str | UnsetType = UNSET
    new_status: str | UnsetType = UNSET
    previous_status: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    previous_description: str | UnsetType = UNSET
    new_description: str | UnsetType = UNSET


class ListChangeRequestEventsResponse(msgspec.Struct, rename="camel"):
    """Upstream: ListChangeRequestEventsResponse; the token is empty at the end."""

    events: list[ChangeRequestEvent]
    continuation_token: str


class SubmitChangeRequestRequest(msgspec.Struct):
    """Upstream: SubmitChangeRequestRequest."""

    description: str | None = None


class UpdateChangeRequestRequest(msgspec.Struct):
    """Upstream: UpdateChangeRequestRequest."""

    description: str


class ApproveChangeRequestRequest(msgspec.Struct, rename="camel"):
    """Upstream: ApproveChangeRequestRequest."""

    revision_number: int
    comment: str | None = None


class ChangeRequestComment(msgspec.Struct):
    """Upstream: UnapproveChangeRequestRequest and CloseChangeRequestRequest."""

    comment: str | None = None


class AddChangeRequestCommentRequest(msgspec.Struct):
    """Upstream: AddChangeRequestCommentRequest."""

    comment: str


class ChangeRequestApplyResult(msgspec.Struct, rename="camel"):
    """Upstream: ChangeRequestApplyResult."""

    entity_url: str
    message: str


class ChangeRequestRef(msgspec.Struct, rename="camel"):
    """Upstream: ChangeRequestRef."""

    change_request_id: str
    latest_revision_number: int


class EnvironmentDraftStatus(msgspec.Struct, rename="camel"):
    """In no SDK: what the command line reads (esc.md 4.9)."""

    base_revision: int
    environment_revision: int
    draft_revision_number: int


class EnvironmentDraftConflict(msgspec.Struct, rename="camel"):
    """In no SDK: lines from 1, without their ends, in the base, the newest revision and the draft."""

    start_line: int
    end_line: int
    head_start_line: int
    head_end_line: int
    draft_start_line: int
    draft_end_line: int


class EnvironmentDraftRebaseResponse(msgspec.Struct, rename="camel"):
    """In no SDK: with conflicts the draft is as it was."""

    change_request_id: str
    draft_revision_number: int
    conflicts: list[EnvironmentDraftConflict]


class CreateEnvironmentOpenRequest(msgspec.Struct, rename="camel"):
    """Upstream: CreateEnvironmentOpenRequest."""

    grant_expiration_seconds: int
    access_duration_seconds: int


class CreateEnvironmentOpenRequestResult(msgspec.Struct, rename="camel"):
    """Upstream: CreateEnvironmentOpenRequestResult."""

    project_name: str
    environment_name: str
    change_request_id: str
    latest_revision_number: int
    etag: str


class CreateEnvironmentOpenRequestResponse(msgspec.Struct, rename="camel"):
    """Upstream: CreateEnvironmentOpenRequestResponse."""

    change_requests: list[CreateEnvironmentOpenRequestResult]
