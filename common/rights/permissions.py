"""Every permission and the permissions of every built-in role, on the page that a security review reads.

Names are upstream's. A caller's permissions are a union: the built-in or custom role in the organization, the roles of the
caller's teams, grants of teams and users on single stacks, and ownership of stacks (common/rights/membership.py). Nothing takes
away. The permissions of each set follow upstream's documentation of its default permission sets and roles.
"""

from enum import IntEnum, StrEnum


class Permission(StrEnum):
    """A permission, by upstream's name."""

    STACK_LIST = "stack:list"
    STACK_READ = "stack:read"
    STACK_WRITE = "stack:write"
    STACK_IMPORT = "stack:import"
    STACK_EXPORT = "stack:export"
    STACK_ENCRYPT = "stack:encrypt"
    STACK_DECRYPT = "stack:decrypt"
    STACK_CREATE = "stack:create"
    STACK_RENAME = "stack:rename"
    STACK_DELETE = "stack:delete"
    STACK_CANCEL_UPDATE = "stack:cancel_update"
    STACK_TRANSFER = "stack:transfer"
    STACK_LIST_DELETED = "stack:list_deleted"
    STACK_RESTORE_DELETED = "stack:restore_deleted"
    PROJECT_ENCRYPT = "project:encrypt"
    PROJECT_DECRYPT = "project:decrypt"
    PROJECT_ANNOTATIONS_READ = "project_annotations:read"
    PROJECT_ANNOTATIONS_UPDATE = "project_annotations:update"
    STACK_DEPLOYMENT_CREATE = "stack_deployment:create"
    STACK_DEPLOYMENT_READ = "stack_deployment:read"
    STACK_DEPLOYMENT_SETTINGS_WRITE = "stack_deployment_settings:write"
    STACK_DEPLOYMENT_SETTINGS_READ = "stack_deployment_settings:read"
    STACK_DEPLOYMENT_SETTINGS_ENCRYPT = "stack_deployment_settings:encrypt"
    STACK_DEPLOYMENT_CACHE_READ = "stack_deployment_cache:read"
    STACK_WEBHOOK_READ = "stack_webhook:read"
    STACK_WEBHOOK_CREATE = "stack_webhook:create"
    STACK_WEBHOOK_UPDATE = "stack_webhook:update"
    STACK_WEBHOOK_DELETE = "stack_webhook:delete"
    STACK_ACCESS_READ = "stack_access:read"
    STACK_ACCESS_UPDATE = "stack_access:update"
    STACK_TAGS_UPDATE = "stack_tags:update"
    STACK_ANNOTATIONS_READ = "stack_annotations:read"
    STACK_ANNOTATIONS_UPDATE = "stack_annotations:update"
    STACK_SCHEDULE_CREATE = "stack_schedule:create"
    STACK_SCHEDULE_UPDATE = "stack_schedule:update"
    STACK_SCHEDULE_READ = "stack_schedule:read"
    STACK_SCHEDULE_DELETE = "stack_schedule:delete"
    STACK_SCHEDULE_PAUSE = "stack_schedule:pause"
    STACK_SCHEDULE_RESUME = "stack_schedule:resume"
    ORGANIZATION_READ_USAGE = "organization:read_usage"
    ORGANIZATION_UPDATE = "organization:update"
    ORGANIZATION_RENAME = "organization:rename"
    ORGANIZATION_DELETE = "organization:delete"
    ORGANIZATION_CHANGE_BACKEND = "organization:change_backend"
    ORGANIZATION_BILLING = "organization:billing"
    ORGANIZATION_POTENTIAL = "organization:potential"
    ORGANIZATION_TRANSFER_STACKS = "organization:transfer_stacks"
    SAML_READ = "saml:read"
    SAML_UPDATE = "saml:update"
    AUDIT_LOGS_READ = "audit_logs:read"
    AUDIT_LOGS_EXPORT = "audit_logs:export"
    SCIM_READ = "scim:read"
    SCIM_UPDATE = "scim:update"
    SCIM_DELETE = "scim:delete"
    TAGS_READ = "tags:read"
    ORG_INTEGRATIONS_READ = "org_integrations:read"
    ORG_INTEGRATIONS_UPDATE = "org_integrations:update"
    INTEGRATIONS_UPDATE = "integrations:update"
    INTEGRATIONS_READ = "integrations:read"
    INVITES_READ = "invites:read"
    INVITES_CREATE = "invites:create"
    ORG_REQUESTS_READ = "org_requests:read"
    ORG_REQUESTS_UPDATE = "org_requests:update"
    ORG_MEMBER_ACCESS_READ = "org_member_access:read"
    ORG_MEMBER_READ = "org_member:read"
    ORG_MEMBER_DELETE = "org_member:delete"
    ORG_MEMBER_ADD = "org_member:add"
    ORG_MEMBER_UPDATE = "org_member:update"
    ORG_MEMBER_SET_ADMIN = "org_member:set_admin"
    ORG_TOKEN_READ = "org_token:read"  # noqa: S105 - a permission
    ORG_TOKEN_CREATE = "org_token:create"  # noqa: S105 - a permission
    ORG_TOKEN_DELETE = "org_token:delete"  # noqa: S105 - a permission
    AUTH_POLICIES_READ = "auth_policies:read"
    AUTH_POLICIES_UPDATE = "auth_policies:update"
    OIDC_ISSUERS_READ = "oidc_issuers:read"
    OIDC_ISSUERS_UPDATE = "oidc_issuers:update"
    OIDC_ISSUERS_REGENERATE_THUMBPRINTS = "oidc_issuers:regenerate_thumbprints"
    OIDC_ISSUERS_CREATE = "oidc_issuers:create"
    OIDC_ISSUERS_DELETE = "oidc_issuers:delete"
    AGENT_POOL_READ = "agent_pool:read"
    AGENT_POOL_CREATE = "agent_pool:create"
    AGENT_POOL_UPDATE = "agent_pool:update"
    AGENT_POOL_DELETE = "agent_pool:delete"
    AGENT_TASK_CREATE = "agent_task:create"
    AGENT_TASK_READ = "agent_task:read"
    AGENT_TASK_CONTRIBUTE = "agent_task:contribute"
    AGENT_TASK_APPROVE = "agent_task:approve"
    AGENT_TASK_MANAGE = "agent_task:manage"
    AGENT_AUTOMATIONS_READ = "agent_automations:read"
    AGENT_AUTOMATIONS_CREATE = "agent_automations:create"
    AGENT_AUTOMATIONS_UPDATE = "agent_automations:update"
    AGENT_AUTOMATIONS_DELETE = "agent_automations:delete"
    AGENT_DEFINITIONS_CREATE = "agent_definitions:create"
    AGENT_DEFINITIONS_UPDATE = "agent_definitions:update"
    AGENT_DEFINITIONS_DELETE = "agent_definitions:delete"
    ORGANIZATION_WEBHOOK_READ = "organization_webhook:read"
    ORGANIZATION_WEBHOOK_CREATE = "organization_webhook:create"
    ORGANIZATION_WEBHOOK_UPDATE = "organization_webhook:update"
    ORGANIZATION_WEBHOOK_DELETE = "organization_webhook:delete"
    RESOURCES_INDEX = "resources:index"
    RESOURCES_SEARCH = "resources:search"
    RESOURCES_DASHBOARD = "resources:dashboard"
    TEMPLATES_READ = "templates:read"
    TEMPLATES_SOURCE_READ = "templates_source:read"
    TEMPLATES_SOURCE_UPDATE = "templates_source:update"
    TEMPLATES_SOURCE_DELETE = "templates_source:delete"
    TEMPLATES_SOURCE_CREATE = "templates_source:create"
    SERVICES_CREATE = "services:create"
    SERVICES_READ = "services:read"
    SERVICES_WRITE = "services:write"
    SERVICES_ADMIN = "services:admin"
    DEPLOYMENTS_READ = "deployments:read"
    DEPLOYMENTS_PAUSE = "deployments:pause"
    DEPLOYMENTS_RESUME = "deployments:resume"
    DEPLOYMENTS_READ_USAGE = "deployments:read_usage"
    ORGANIZATION_ANNOTATIONS_READ = "organization_annotations:read"
    ORGANIZATION_ANNOTATIONS_UPDATE = "organization_annotations:update"
    POLICY_GROUPS_CREATE = "policy_groups:create"
    POLICY_GROUPS_READ = "policy_groups:read"
    POLICY_GROUPS_UPDATE = "policy_groups:update"
    POLICY_GROUPS_DELETE = "policy_groups:delete"
    POLICY_PACK_CREATE = "policy_pack:create"
    POLICY_PACK_READ = "policy_pack:read"
    POLICY_PACK_UPDATE = "policy_pack:update"
    POLICY_PACK_DELETE = "policy_pack:delete"
    POLICY_RESULTS_READ = "policy_results:read"
    POLICY_RESULTS_UPDATE = "policy_results:update"
    ENVIRONMENT_CREATE = "environment:create"
    ENVIRONMENT_LIST = "environment:list"
    ENVIRONMENT_READ = "environment:read"
    ENVIRONMENT_OPEN = "environment:open"
    ENVIRONMENT_WRITE = "environment:write"
    ENVIRONMENT_DELETE = "environment:delete"
    ENVIRONMENT_CLONE = "environment:clone"
    ENVIRONMENT_ROTATE = "environment:rotate"
    ENVIRONMENT_ROTATE_HISTORY = "environment:rotate_history"
    ENVIRONMENT_LIST_DELETED = "environment:list_deleted"
    ENVIRONMENT_RESTORE_DELETED = "environment:restore_deleted"
    ENVIRONMENT_SETTINGS_READ = "environment_settings:read"
    ENVIRONMENT_SETTINGS_UPDATE = "environment_settings:update"
    ENVIRONMENT_YAML_OPEN = "environment_yaml:open"
    ENVIRONMENT_SCHEDULE_CREATE = "environment_schedule:create"
    ENVIRONMENT_SCHEDULE_READ = "environment_schedule:read"
    ENVIRONMENT_SCHEDULE_UPDATE = "environment_schedule:update"
    ENVIRONMENT_SCHEDULE_PAUSE = "environment_schedule:pause"
    ENVIRONMENT_SCHEDULE_RESUME = "environment_schedule:resume"
    ENVIRONMENT_SCHEDULE_DELETE = "environment_schedule:delete"
    ENVIRONMENT_TAGS_LIST = "environment_tags:list"
    ENVIRONMENT_TAG_READ = "environment_tag:read"
    ENVIRONMENT_TAG_CREATE = "environment_tag:create"
    ENVIRONMENT_TAG_UPDATE = "environment_tag:update"
    ENVIRONMENT_TAG_DELETE = "environment_tag:delete"
    ENVIRONMENT_VERSION_CREATE = "environment_version:create"
    ENVIRONMENT_VERSION_READ = "environment_version:read"
    ENVIRONMENT_VERSION_UPDATE = "environment_version:update"
    ENVIRONMENT_VERSION_DELETE = "environment_version:delete"
    ENVIRONMENT_VERSION_RETRACT = "environment_version:retract"
    ENVIRONMENT_VERSION_OPEN = "environment_version:open"
    ENVIRONMENT_WEBHOOK_READ = "environment_webhook:read"
    ENVIRONMENT_WEBHOOK_CREATE = "environment_webhook:create"
    ENVIRONMENT_WEBHOOK_UPDATE = "environment_webhook:update"
    ENVIRONMENT_WEBHOOK_DELETE = "environment_webhook:delete"
    ENVIRONMENT_ACCESS_READ = "environment_access:read"
    ENVIRONMENT_ACCESS_UPDATE = "environment_access:update"
    TEAM_LIST = "team:list"
    TEAM_READ = "team:read"
    TEAM_CREATE = "team:create"
    TEAM_UPDATE = "team:update"
    TEAM_DELETE = "team:delete"
    TEAM_CREATE_TOKEN = "team:create_token"  # noqa: S105 - a permission
    TEAM_LIST_TOKENS = "team:list_tokens"
    TEAM_DELETE_TOKEN = "team:delete_token"  # noqa: S105 - a permission
    GITHUB_TEAM_CREATE = "github_team:create"
    INSIGHTS_ACCOUNT_LIST = "insights_account:list"
    INSIGHTS_ACCOUNT_READ = "insights_account:read"
    INSIGHTS_ACCOUNT_CREATE = "insights_account:create"
    INSIGHTS_ACCOUNT_UPDATE = "insights_account:update"
    INSIGHTS_ACCOUNT_DELETE = "insights_account:delete"
    INSIGHTS_ACCOUNT_UPDATE_POLICY_RESULTS = "insights_account:update_policy_results"
    INSIGHTS_ACCOUNT_SCAN = "insights_account:scan"
    INSIGHTS_ACCOUNT_ACCESS_READ = "insights_account_access:read"
    INSIGHTS_ACCOUNT_ACCESS_UPDATE = "insights_account_access:update"
    INSIGHTS_ACCOUNT_SCAN_READ = "insights_account_scan:read"
    INSIGHTS_ACCOUNT_SCAN_UPDATE = "insights_account_scan:update"
    INSIGHTS_ACCOUNT_SCAN_CANCEL = "insights_account_scan:cancel"
    INSIGHTS_ACCOUNT_SCAN_PAUSE = "insights_account_scan:pause"
    INSIGHTS_ACCOUNT_SCAN_RESUME = "insights_account_scan:resume"
    INSIGHTS_POLICY_QUEUE_READ = "insights_policy_queue:read"
    INSIGHTS_POLICY_EVALUATOR_READ = "insights_policy_evaluator:read"
    INSIGHTS_POLICY_EVALUATOR_DELETE = "insights_policy_evaluator:delete"
    INSIGHTS_POLICY_EVALUATOR_ENSURE = "insights_policy_evaluator:ensure"
    INSIGHTS_POLICY_EVALUATOR_UPDATE = "insights_policy_evaluator:update"
    AI_CONVERSATIONS_LIST_ALL = "ai_conversations:list_all"
    AI_CONVERSATIONS_READ = "ai_conversations:read"
    AI_CONVERSATIONS_CREATE = "ai_conversations:create"
    AI_CONVERSATIONS_UPDATE = "ai_conversations:update"
    ROLE_CREATE = "role:create"
    ROLE_READ = "role:read"
    ROLE_UPDATE = "role:update"
    ROLE_DELETE = "role:delete"
    CHANGE_GATE_CREATE = "change_gate:create"
    CHANGE_GATE_UPDATE = "change_gate:update"
    CHANGE_GATE_DELETE = "change_gate:delete"
    POLICY_EXCEPTIONS_READ = "policy_exceptions:read"
    POLICY_EXCEPTIONS_CREATE = "policy_exceptions:create"
    POLICY_EXCEPTIONS_DELETE = "policy_exceptions:delete"


class Role(StrEnum):
    """The role of a member; NONE is for a team's token, which has only the team's permissions."""

    ADMIN = "admin"
    MEMBER = "member"
    BILLING_MANAGER = "billing-manager"
    NONE = "none"


class StackLevel(IntEnum):
    """A level on a stack, in upstream's numbers; each includes those before it."""

    NONE = 0
    READ = 101
    WRITE = 102
    ADMIN = 103
    CREATOR = 104


def _set(**verbs: str) -> frozenset[Permission]:
    """Return permissions by noun and verbs, so that a set reads as a table."""
    return frozenset(Permission(f"{noun}:{verb}") for noun, words in verbs.items() for verb in words.split())


STACK_READ = _set(
    stack="list read export encrypt decrypt",
    stack_deployment="read",
    stack_deployment_settings="read",
    stack_access="read",
    stack_schedule="read",
    stack_annotations="read",
)
STACK_WRITE = STACK_READ | _set(
    stack="import cancel_update write",
    stack_deployment="create",
    stack_deployment_settings="write encrypt",
    stack_deployment_cache="read",
    stack_tags="update",
    stack_schedule="create update pause resume delete",
    stack_webhook="create read update delete",
    stack_annotations="update",
)
STACK_ADMIN = STACK_WRITE | _set(stack="delete transfer rename", stack_access="update")

ENVIRONMENT_READ = _set(
    environment="list read rotate_history",
    environment_version="read",
    environment_schedule="read",
    environment_tag="read",
    environment_settings="read",
    environment_access="read",
)
ENVIRONMENT_OPEN = ENVIRONMENT_READ | _set(environment="open clone", environment_version="open")
ENVIRONMENT_WRITE = ENVIRONMENT_OPEN | _set(
    environment="write rotate",
    environment_version="create update delete retract",
    environment_tag="create update delete",
    environment_schedule="create update pause resume delete",
    environment_webhook="create read update delete",
)
ENVIRONMENT_ADMIN = ENVIRONMENT_WRITE | _set(
    environment="delete",
    environment_settings="update",
    environment_access="update",
)

ACCOUNT_READ = _set(insights_account="list read", insights_account_scan="read", insights_account_access="read")
ACCOUNT_WRITE = ACCOUNT_READ | _set(insights_account="update scan", insights_account_scan="update cancel pause resume")
ACCOUNT_ADMIN = ACCOUNT_WRITE | _set(insights_account="delete", insights_account_access="update")

ORG_READ_ONLY = _set(
    ai_conversations="read",
    deployments="read read_usage",
    environment="list_deleted",
    environment_tags="list",
    policy_groups="read",
    policy_pack="read",
    policy_results="read",
    integrations="read",
    org_member="read",
    organization_annotations="read",
    organization="read_usage",
    project_annotations="read",
    resources="dashboard search",
    saml="read",
    tags="read",
    team="list read",
    templates="read",
    services="read",
)
ORG_STANDARD = ORG_READ_ONLY | _set(
    ai_conversations="create update",
    environment="create",
    integrations="update",
    project_annotations="update",
    project="decrypt encrypt",
    services="create write admin",
    insights_policy_evaluator="read delete ensure update",
    insights_policy_queue="read",
)
ORG_BILLING = _set(
    deployments="read_usage",
    org_member="read",
    organization="billing read_usage",
    resources="dashboard",
    saml="read",
    team="list read",
)

STACK_LEVELS: dict[StackLevel, frozenset[Permission]] = {
    StackLevel.NONE: frozenset(),
    StackLevel.READ: STACK_READ,
    StackLevel.WRITE: STACK_WRITE,
    StackLevel.ADMIN: STACK_ADMIN,
    StackLevel.CREATOR: STACK_ADMIN,
}
# A caller without any of these on a stack may not know that it exists.
STACK_VISIBLE = STACK_ADMIN - _set(stack_access="read")

# The permissions of each role in the organization itself. A member also has what the organization's settings give to all members
# (common/rights/org_settings.py): a level on every stack, and whether they may create stacks and teams.
ROLES: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(Permission),
    Role.MEMBER: _set(
        ai_conversations="create read update",
        deployments="read read_usage",
        environment="create list_deleted",
        environment_yaml="open",
        environment_tags="list",
        policy_groups="read",
        org_member="read",
        organization="read_usage",
        integrations="read update",
        project="encrypt decrypt",
        resources="dashboard search",
        saml="read",
        stack_access="read",
        tags="read",
        team="list read",
        templates="read",
    ),
    Role.BILLING_MANAGER: _set(
        deployments="read_usage",
        org_member="read",
        organization="billing read_usage",
        resources="dashboard",
        saml="read",
        team="list",
    ),
    Role.NONE: frozenset(),
}
