"""Policy groups: upstream's sdk/go/common/apitype/policy.go and the models of its API description."""

from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

EntityType = Literal["stacks", "accounts"]
Mode = Literal["audit", "preventative"]
Source = Literal["explicit", "rule"]
NULL = Raw(b"null")


class PulumiStackReference(msgspec.Struct, rename="camel"):
    """Upstream: AppPulumiStackReference."""

    name: str
    routing_project: str


class InsightsAccountReference(msgspec.Struct, rename="camel"):
    """Upstream: AppInsightsAccountReference."""

    name: str


class PolicyPackReference(msgspec.Struct, rename="camel"):
    """Upstream: AppPolicyPackMetadata as clients send it; only the name is always there."""

    name: str
    display_name: str | None = None
    version: int | None = None
    version_tag: str | None = None
    config: dict[str, object] | None = None
    environments: list[str] | None = None


class PolicyPackMetadata(msgspec.Struct, rename="camel"):
    """Upstream: AppPolicyPackMetadata in replies."""

    name: str
    display_name: str
    version: int
    version_tag: str
    config: Raw | UnsetType = UNSET
    environments: Raw | UnsetType = UNSET


class NewPolicyGroupRequest(msgspec.Struct, rename="camel"):
    """Upstream: NewPolicyGroupRequest."""

    name: str
    entity_type: EntityType | None = None
    mode: Mode | None = None
    agent_pool_id: str | None = None
    stack_match_rule: Raw = NULL
    account_match_rule: Raw = NULL


class UpdatePolicyGroupRequest(msgspec.Struct, rename="camel"):
    """Upstream: UpdatePolicyGroupRequest; what is absent or null stays. The lists replace all that a group has."""

    new_name: str | None = None
    add_stack: PulumiStackReference | None = None
    remove_stack: PulumiStackReference | None = None
    add_policy_pack: PolicyPackReference | None = None
    remove_policy_pack: PolicyPackReference | None = None
    add_insights_account: InsightsAccountReference | None = None
    remove_insights_account: InsightsAccountReference | None = None
    stacks: list[PulumiStackReference] | None = None
    policy_packs: list[PolicyPackReference] | None = None
    insights_accounts: list[InsightsAccountReference] | None = None
    agent_pool_id: str | None = None
    stack_match_rule: Raw = NULL
    remove_stack_match_rule: bool | None = None
    account_match_rule: Raw = NULL
    remove_account_match_rule: bool | None = None


class PolicyGroupSummary(msgspec.Struct, rename="camel"):
    """Upstream: AppPolicyGroupSummary."""

    name: str
    is_org_default: bool
    num_stacks: int
    num_accounts: int
    entity_type: EntityType
    mode: Mode
    num_enabled_policy_packs: int


class ListPolicyGroupsResponse(msgspec.Struct, rename="camel"):
    """Upstream: AppListPolicyGroupsResponse."""

    policy_groups: list[PolicyGroupSummary]


class PolicyGroup(msgspec.Struct, rename="camel"):
    """Upstream: PolicyGroup."""

    name: str
    is_org_default: bool
    entity_type: EntityType
    mode: Mode
    stacks: list[PulumiStackReference]
    applied_policy_packs: list[PolicyPackMetadata]
    accounts: list[str]
    agent_pool_id: str | UnsetType = UNSET
    stack_match_rule: Raw | UnsetType = UNSET
    account_match_rule: Raw | UnsetType = UNSET


class PolicyGroupStack(msgspec.Struct, rename="camel"):
    """Upstream: PolicyGroupStack."""

    name: str
    routing_project: str
    source: Source
    tags: dict[str, str]


class ListPolicyGroupStacksResponse(msgspec.Struct, rename="camel"):
    """Upstream: ListPolicyGroupStacksResponse; clients go on while there is a token."""

    stacks: list[PolicyGroupStack]
    continuation_token: str | UnsetType = UNSET


class ListPolicyGroupAccountsResponse(msgspec.Struct, rename="camel"):
    """Upstream: ListPolicyGroupAccountsResponse; no group has accounts."""

    accounts: list[str] = []


class PreviewStackMatchRuleRequest(msgspec.Struct, rename="camel"):
    """Upstream: PreviewStackMatchRuleRequest."""

    stack_match_rule: Raw
    search: str | None = None


class StackMatchRulePreviewStack(msgspec.Struct, rename="camel"):
    """Upstream: StackMatchRulePreviewStack."""

    name: str
    routing_project: str
    tags: dict[str, str]


class PreviewStackMatchRuleResponse(msgspec.Struct, rename="camel"):
    """Upstream: PreviewStackMatchRuleResponse."""

    stacks: list[StackMatchRulePreviewStack]
    matched_count: int
    total_count: int
    continuation_token: str | UnsetType = UNSET


class PolicyGroupMetadata(msgspec.Struct, rename="pascal"):
    """Upstream: PolicyGroupMetadata, with these keys on the wire. Accounts are not part of this release."""

    protected_stacks: int
    protected_stack_resources: int
    preventative_stacks: int
    preventative_stack_resources: int
    audit_stacks: int
    audit_stack_resources: int
    total_stacks: int
    total_stack_resources: int
    protected_accounts: int = 0
    protected_account_resources: int = 0
    total_accounts: int = 0
    total_account_resources: int = 0
