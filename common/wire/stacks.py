"""Stacks: upstream's sdk/go/common/apitype/{core,stacks}.go. Times are unix seconds."""

import msgspec
from msgspec import UNSET, Raw, UnsetType


class StackConfig(msgspec.Struct, rename="camel", omit_defaults=True):
    """Upstream: StackConfig, a reference to an environment that holds the stack's configuration."""

    environment: str
    # The vendor's SDK sends null for what is not set.
    secrets_provider: str | None = None
    encrypted_key: str | None = None
    encryption_salt: str | None = None


class CreateStackRequest(msgspec.Struct, rename="camel"):
    """Upstream: CreateStackRequest. `state` is an untyped deployment, kept as text, or null."""

    stack_name: str
    tags: dict[str, str] | None = None
    teams: list[str] | None = None
    state: Raw = Raw(b"null")
    config: StackConfig | None = None
    create_managed_environment: bool = False


class CreateStackResponse(msgspec.Struct, rename="camel"):
    """Upstream: CreateStackResponse; newer clients insist on a JSON object."""

    messages: list[str]
    managed_environment: str | UnsetType = UNSET


class OperationStatus(msgspec.Struct):
    """Upstream: OperationStatus of the running update; `started` in unix seconds."""

    kind: str
    author: str
    started: int


class Stack(msgspec.Struct, rename="camel"):
    """Upstream: Stack. `activeUpdate` is the newest real update, also when it has ended, or empty."""

    id: str
    org_name: str
    project_name: str
    stack_name: str
    active_update: str
    tags: dict[str, str]
    version: int
    current_operation: OperationStatus | UnsetType = UNSET
    config: Raw | UnsetType = UNSET
    managed_environment: str | UnsetType = UNSET


class StackLinks(msgspec.Struct):
    """Upstream: StackLinks; `self` is the console's address, empty where there is no console."""

    self: str


class StackSummary(msgspec.Struct, rename="camel"):
    """Upstream: StackSummary; `lastUpdate` in unix seconds, 0 while one runs; before the first update neither it nor a count."""

    id: str
    org_name: str
    project_name: str
    stack_name: str
    links: StackLinks
    resource_count: int | UnsetType = UNSET
    last_update: int | UnsetType = UNSET


class ListStacksResponse(msgspec.Struct, rename="camel"):
    """Upstream: ListStacksResponse; the token is null at the end, never empty: clients would go on for ever."""

    stacks: list[StackSummary]
    continuation_token: str | None


class StackRenameRequest(msgspec.Struct, rename="camel"):
    """Upstream: StackRenameRequest; an empty name keeps the present one."""

    new_name: str = ""
    new_project: str = ""


class StackTag(msgspec.Struct):
    """Upstream: StackTag."""

    name: str = ""
    value: str = ""


class ImportStackResponse(msgspec.Struct, rename="camel"):
    """Upstream: ImportStackResponse, of import and rename."""

    update_id: str


class UserInfo(msgspec.Struct, rename="camel"):
    """Upstream: UserInfo."""

    name: str
    github_login: str
    avatar_url: str


class NotificationSettings(msgspec.Struct, rename="camel"):
    """Upstream: StackNotificationSettings."""

    notify_update_success: bool
    notify_update_failure: bool


class StackMetadata(msgspec.Struct, rename="camel"):
    """Upstream: StackMetadata."""

    id: str
    org_name: str
    project_name: str
    stack_name: str
    owned_by: UserInfo
    notification_settings: NotificationSettings


class StackOutputs(msgspec.Struct, rename="camel"):
    """Upstream: StackOutputsResponse; the members are absent for a stack without state."""

    outputs: Raw | UnsetType = UNSET
    secrets_providers: Raw | UnsetType = UNSET


class ResourceInfo(msgspec.Struct):
    """Upstream: ResourceInfo; the resource is the state's own text."""

    resource: Raw


class StackResources(msgspec.Struct):
    """Upstream: GetStackResourcesResponse."""

    resources: list[ResourceInfo]
    region: str
    version: int


class StackResource(msgspec.Struct):
    """Upstream: GetStackResourceResponse."""

    resource: ResourceInfo
    region: str
    version: int


class ResourceCount(msgspec.Struct, rename="camel"):
    """Upstream: GetStackResourceCountResponse."""

    resource_count: int
    version: int


class StackReference(msgspec.Struct, rename="camel"):
    """Upstream: StackReference; `version` is the referenced or referring stack's."""

    organization: str
    routing_project: str
    name: str
    version: int


class StackReferences(msgspec.Struct, rename="camel"):
    """Upstream: ListDownstreamStackReferencesResponse."""

    referenced_stacks: list[StackReference]


class GetStarterWorkflowRequest(msgspec.Struct, rename="camel"):
    """Upstream: GetStarterWorkflowRequest."""

    ci_system: str
    working_directory: str = ""
    enable_path_filters: bool = False


class GetStackStarterWorkflowResponse(msgspec.Struct):
    """Upstream: GetStackStarterWorkflowResponse."""

    content: str
