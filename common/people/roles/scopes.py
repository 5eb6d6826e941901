"""Every permission that clients know, with a description, in the groups of upstream's role editor."""

from common.people.roles.model import UNSHOWN
from common.rights.permissions import Permission

# Upstream's bucket, its groups (names are upstream's), and their permissions: all of a noun, or single ones.
_BUCKETS: dict[str, dict[str, str]] = {
    "stack": {
        "Stacks": "stack stack_access stack_annotations",
        "Stack deployments": "stack_deployment stack_deployment_settings stack_deployment_cache",
        "Stack webhooks": "stack_webhook",
        "Stack tags": "stack_tags",
        "Stack deployment schedules": "stack_schedule",
    },
    "environment": {
        "Environments": "environment environment_settings environment_access",
        "Environment webhooks": "environment_webhook",
        "Environment tags": "environment_tag",
        "Environment versions": "environment_version",
        "Environment schedules": "environment_schedule",
        "Environment secrets rotation": "environment:rotate environment:rotate_history",
    },
    "insights-account": {
        "Accounts": "insights_account insights_account_access",
        "Scans": "insights_account_scan",
    },
    "organization": {
        "Stack management": "stack:create stack:list_deleted stack:restore_deleted project project_annotations"
        " organization:transfer_stacks",
        "Environment management": "environment:create environment:list_deleted environment:restore_deleted environment_yaml"
        " environment_tags",
        "Insights account management": "insights_account:create",
        "Insights policy management": "policy_groups policy_pack policy_results",
        "Policy queue": "insights_policy_queue",
        "Policy evaluator": "insights_policy_evaluator",
        "Organization": "organization tags org_integrations integrations services",
        "Membership": "invites org_requests org_member org_member_access",
        "Organization access tokens": "org_token",
        "Teams": "team github_team",
        "SSO": "saml scim auth_policies",
        "Audit logs": "audit_logs",
        "Roles": "role",
        "Search": "resources",
        "Copilot": "ai_conversations",
        "Neo": "agent_task agent_automations agent_definitions",
        "Agent pools": "agent_pool",
        "Organization annotations": "organization_annotations",
        "OIDC": "oidc_issuers",
        "Templates": "templates templates_source",
        "Deployments": "deployments",
        "Organization webhooks": "organization_webhook",
        "Approvals": "change_gate",
    },
}
_NOUNS = {
    "stack": "stacks",
    "project": "values of a project",
    "project_annotations": "notes on projects",
    "stack_deployment": "deployments of a stack",
    "stack_deployment_settings": "deployment settings of a stack",
    "stack_deployment_cache": "the deployment cache of a stack",
    "stack_webhook": "webhooks of a stack",
    "stack_access": "access to a stack",
    "stack_tags": "tags of a stack",
    "stack_annotations": "notes on a stack",
    "stack_schedule": "deployment schedules of a stack",
    "organization": "the organization",
    "saml": "single sign-on settings",
    "audit_logs": "audit logs",
    "scim": "directory synchronization settings",
    "tags": "tags used in the organization",
    "org_integrations": "integrations of the organization",
    "integrations": "integrations",
    "invites": "invitations",
    "org_requests": "requests to join",
    "org_member_access": "access of members",
    "org_member": "members",
    "org_token": "access tokens of the organization",
    "auth_policies": "authorization policies of identity providers",
    "oidc_issuers": "identity providers",
    "agent_pool": "pools of deployment runners",
    "agent_task": "agent tasks",
    "agent_automations": "agent automations",
    "agent_definitions": "agent definitions",
    "organization_webhook": "webhooks of the organization",
    "resources": "resources of all stacks",
    "templates": "project templates",
    "templates_source": "sources of project templates",
    "services": "services",
    "deployments": "deployments in the organization",
    "organization_annotations": "notes on the organization",
    "policy_groups": "policy groups",
    "policy_pack": "policy packs",
    "policy_results": "policy findings",
    "environment": "environments",
    "environment_settings": "settings of an environment",
    "environment_yaml": "definitions that are not stored",
    "environment_schedule": "schedules of an environment",
    "environment_tags": "tags used on environments",
    "environment_tag": "tags of an environment",
    "environment_version": "versions of an environment",
    "environment_webhook": "webhooks of an environment",
    "environment_access": "access to an environment",
    "team": "teams",
    "github_team": "teams backed by GitHub",
    "insights_account": "accounts",
    "insights_account_access": "access to an account",
    "insights_account_scan": "scans of an account",
    "insights_policy_queue": "the policy queue",
    "insights_policy_evaluator": "policy evaluators",
    "ai_conversations": "conversations with the assistant",
    "role": "roles, permission sets and policies",
    "change_gate": "approval rules",
}
_VERBS = {
    "read": "See {}",
    "list": "List {}",
    "list_all": "List {} of all members",
    "create": "Create {}",
    "add": "Add {}",
    "update": "Change {}",
    "write": "Change {}",
    "delete": "Delete {}",
    "rename": "Rename {}",
    "import": "Replace the state of {}",
    "export": "Export {}",
    "encrypt": "Encrypt {}",
    "decrypt": "Decrypt {}",
    "transfer": "Move {} to another organization",
    "cancel_update": "Cancel updates of {}",
    "list_deleted": "List deleted {}",
    "restore_deleted": "Restore deleted {}",
    "pause": "Pause {}",
    "resume": "Resume {}",
    "cancel": "Cancel {}",
    "scan": "Start scans of {}",
    "open": "Open {}",
    "clone": "Copy {}",
    "rotate": "Rotate secrets of {}",
    "rotate_history": "See when secrets of {} were rotated",
    "retract": "Retract {}",
    "read_usage": "See the usage of {}",
    "change_backend": "Change the identity provider of {}",
    "billing": "Manage the billing of {}",
    "potential": "See who could join {}",
    "transfer_stacks": "Move all stacks of {}",
    "set_admin": "Set the admin among {}",
    "regenerate_thumbprints": "Renew thumbprints of {}",
    "contribute": "Contribute to {}",
    "approve": "Approve {}",
    "manage": "Manage {}",
    "index": "Index {}",
    "search": "Search {}",
    "dashboard": "See dashboards of {}",
    "admin": "Administer {}",
    "ensure": "Start {}",
    "create_token": "Create access tokens of {}",
    "list_tokens": "List access tokens of {}",
    "delete_token": "Delete access tokens of {}",
    "update_policy_results": "Change policy findings of {}",
}
# Descriptions that would read badly when put together.
_DESCRIPTIONS = {
    Permission.STACK_READ: "See stacks, their history and their resources without secrets",
    Permission.STACK_WRITE: "Preview and update stacks",
    Permission.STACK_DECRYPT: "Decrypt secrets of stacks",
    Permission.STACK_ENCRYPT: "Encrypt secrets of stacks",
    Permission.ENVIRONMENT_OPEN: "Open environments and see their secrets",
    Permission.RESOURCES_INDEX: "Rebuild the search index",
}


def scopes_by_bucket() -> dict[str, dict[str, list[tuple[Permission, str]]]]:
    """Return bucket → group → permissions with their descriptions; every permission is in exactly one group."""
    homes = {
        entry: (bucket, group) for bucket, groups in _BUCKETS.items() for group, text in groups.items() for entry in text.split()
    }
    scopes: dict[str, dict[str, list[tuple[Permission, str]]]] = {
        bucket: {group: [] for group in groups} for bucket, groups in _BUCKETS.items()
    }
    for permission in sorted(set(Permission) - UNSHOWN, key=list(Permission).index):
        bucket, group = homes.get(permission) or homes[permission.partition(":")[0]]
        scopes[bucket][group].append((permission, _describe(permission)))
    return scopes


def _describe(permission: Permission) -> str:
    noun, _, verb = permission.partition(":")
    return _DESCRIPTIONS.get(permission) or _VERBS[verb].format(_NOUNS[noun])
