"""Organizations, members and invitations. The vendor's SDK sends `null` for what is not set, so `null` equals absent."""

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

# There is no limit, and the wire has no word for that: a number that clients compare counts with must be above them all.
UNLIMITED = (1 << 31) - 1
StackPermission = Literal[0, 101, 102, 103, 104]
EnvironmentPermission = Literal["none", "read", "open", "write", "admin"]
AccountPermission = Literal[0, 1, 2, 3]
ApprovalMode = Literal["manual", "auto", "balanced"]
SharingMode = Literal["none", "org"]
VersionControl = Literal["none", "bitbucket", "github", "gitlab"]


class MemberInfo(msgspec.Struct, rename="camel"):
    """Upstream: UserInfo, with the address that people of the same organization may see."""

    name: str
    github_login: str
    avatar_url: str
    email: str


class UpdateSummary(msgspec.Struct, rename="camel"):
    """Upstream: UpdateSummary; times in unix seconds."""

    result: str
    start_time: int
    end_time: int
    resource_count: int


class PulumiStack(msgspec.Struct, rename="camel"):
    """Upstream: PulumiStack."""

    program_id: str
    name: str
    routing_repo: str
    routing_project: str
    tags: dict[str, str]
    protected_by_policy: bool = False
    has_deployment_settings: bool = False
    drift_detected: bool = False
    last_update: UpdateSummary | UnsetType = UNSET


class PulumiProject(msgspec.Struct, rename="camel"):
    """Upstream: PulumiProject; `runtime` and `description` are what the client tagged its stacks with."""

    org_name: str
    repo_name: str
    name: str
    stacks: list[PulumiStack]
    runtime: str | UnsetType = UNSET
    description: str | UnsetType = UNSET


class PulumiRepository(msgspec.Struct, rename="camel"):
    """Upstream: PulumiRepository."""

    org_name: str
    name: str
    projects: list[PulumiProject]


class Organization(msgspec.Struct, rename="camel"):
    """Upstream: Organization."""

    github_login: str
    name: str
    avatar_url: str
    repos: list[PulumiRepository]


class UpdateOrganizationRequest(msgspec.Struct, rename="camel"):
    """Upstream: UpdateOrganizationRequest; a member `set_x` is the setting `x` of an organization."""

    set_default_stack_permission: StackPermission | None = None
    set_default_environment_permission: EnvironmentPermission | None = None
    set_default_account_permission: AccountPermission | None = None
    set_members_can_create_stacks: bool | None = None
    set_members_can_invite_collaborators: bool | None = None
    set_members_can_delete_stacks: bool | None = None
    set_members_can_transfer_stacks: bool | None = None
    set_members_can_create_accounts: bool | None = None
    set_members_can_create_teams: bool | None = None
    set_ai_enablement: str | None = None
    set_neo_enabled: bool | None = None
    set_neo_approval_mode: ApprovalMode | None = None
    set_neo_task_sharing_mode: SharingMode | None = None
    set_neo_cli_explanations_disabled: bool | None = msgspec.field(default=None, name="setNeoCLIExplanationsDisabled")
    set_natural_language_search_disabled: bool | None = None
    set_neo_agent_disabled: bool | None = None
    set_preferred_vcs: VersionControl | None = msgspec.field(default=None, name="setPreferredVCS")
    set_default_deployment_role_id: str | None = None
    set_default_agent_pool_id: str | None = msgspec.field(default=None, name="setDefaultAgentPoolID")
    set_max_access_token_expiry_days: int | None = None
    # Of the newest clients; the other mode is upstream's own and not built, so asking for it is refused.
    set_permission_mode: Literal["permissive"] | None = None


class OrganizationMetadata(msgspec.Struct, rename="camel"):
    """Upstream: OrganizationMetadata. Everything here is free, so trials and subscriptions are over before they begin."""

    id: str
    kind: Literal["single-user", "pulumi"]
    created: datetime
    user_role: str
    default_stack_permission: int
    default_environment_permission: str
    default_account_permission: int
    members_can_create_stacks: bool
    members_can_delete_stacks: bool
    members_can_transfer_stacks: bool
    members_can_create_teams: bool
    members_can_create_accounts: bool
    neo_enabled: bool
    neo_approval_mode: str
    neo_task_sharing_mode: str
    neo_cli_explanations_disabled: bool = msgspec.field(name="neoCLIExplanationsDisabled")
    natural_language_search_disabled: bool
    neo_agent_disabled: bool
    ai_enablement: str
    preferred_vcs: str = msgspec.field(name="preferredVCS")
    features: dict[str, bool]
    account_count: int
    environment_count: int
    stack_count: int
    member_count: int
    max_access_token_expiry_days: int
    default_role_id: str
    default_deployment_role_id: str | UnsetType = UNSET
    audit_logs_enabled: bool = False
    webhooks_enabled: bool = False
    max_stacks: int = UNLIMITED
    max_members: int = UNLIMITED
    subscription_trial_end: int = 0
    subscription_cancel_at_period_end: bool = False
    insights_trial_end: int = 0
    insights_billing_accepted: bool = False
    insights_trial_using_policy: bool = False
    locked: str = "not-locked"
    permission_mode: str = "permissive"


class FGARole(msgspec.Struct, rename="camel"):
    """Upstream: FGARole, the one role that decides what a member may do."""

    id: str
    name: str
    modified_at: datetime


class OrganizationMember(msgspec.Struct, rename="camel"):
    """Upstream: OrganizationMember."""

    role: str
    user: MemberInfo
    created: datetime
    fga_role: FGARole
    suspended: bool
    known_to_pulumi: bool = True
    virtual_admin: bool = False


class ListOrganizationMembersResponse(msgspec.Struct, rename="camel"):
    """Upstream: ListOrganizationMembersResponse."""

    members: list[OrganizationMember]
    continuation_token: str | UnsetType = UNSET


class AddOrganizationMemberRequest(msgspec.Struct):
    """Upstream: AddOrganizationMemberRequest."""

    role: str | None = None


class UpdateOrganizationMemberRequest(msgspec.Struct, rename="camel"):
    """Upstream: UpdateOrganizationMemberRequest; one of the two is there."""

    role: str | None = None
    fga_role_id: str | None = None


class GetOrganizationMemberTeamsResponse(msgspec.Struct):
    """Upstream: GetOrganizationMemberTeamsResponse."""

    teams: list[str]


class CreateOrganizationInviteRequest(msgspec.Struct, rename="camel", omit_defaults=True):
    """Upstream: CreateOrganizationInviteRequest, also as the reply has it for who was not invited."""

    role: str
    email: str | None = None
    role_id: str | None = None


class BatchCreateOrganizationInviteRequest(msgspec.Struct):
    """Upstream: BatchCreateOrganizationInviteRequest; its `token` is of a service against robots, which is not used here."""

    invites: list[CreateOrganizationInviteRequest] | None = None


class CreateOrganizationInviteResponse(msgspec.Struct, rename="camel"):
    """Upstream: CreateOrganizationInviteResponse."""

    id: str
    accept_invite_url: str


class BatchCreateOrganizationInviteResponse(msgspec.Struct, rename="camel"):
    """Upstream: BatchCreateOrganizationInviteResponse."""

    sent_invites: list[CreateOrganizationInviteResponse]
    failed_invites: list[CreateOrganizationInviteRequest]


class PendingOrganizationInvite(msgspec.Struct, rename="camel"):
    """Upstream: PendingOrganizationInvite; `sentAt` in unix seconds."""

    id: str
    email: str
    role: str
    sent_by: MemberInfo
    sent_at: int
    accept_invite_url: str
    status: str
    accept_error: str | UnsetType = UNSET
    role_id: str | UnsetType = UNSET


class ListOrganizationInvitesResponse(msgspec.Struct):
    """Upstream: ListOrganizationInvitesResponse."""

    invites: list[PendingOrganizationInvite]
