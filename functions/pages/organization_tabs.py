"""Which pages about an organization there are, and which of them a member may see."""

from urllib.parse import quote

from common.rights.membership import Membership
from common.rights.permissions import Permission
from functions.pages.navigation import Link


def organization_address(org: str, *parts: str) -> str:
    """Return the address of a page about an organization."""
    return "/".join(("", *(quote(part, safe="") for part in (org, "settings", *parts))))


def tabs_of(membership: Membership) -> list[Link]:
    """Return the pages about an organization that a member may see, in order."""
    permissions = membership.permissions()
    is_shared = not membership.is_personal
    tabs = (
        ("members", "Members", "g m", is_shared and Permission.ORG_MEMBER_READ in permissions),
        ("invitations", "Invitations", "", is_shared and Permission.INVITES_READ in permissions),
        ("teams", "Teams", "g t", Permission.TEAM_LIST in permissions or bool(membership.team_ids)),
        ("roles", "Roles", "", Permission.ROLE_READ in permissions),
        ("check-access", "Check access", "", {Permission.ROLE_READ, Permission.ORG_MEMBER_READ} <= permissions),
        ("tokens", "Access tokens", "", Permission.ORG_TOKEN_READ in permissions),
        ("saml", "SAML", "", is_shared and Permission.SAML_READ in permissions),
        ("scim", "SCIM", "", is_shared and Permission.SCIM_READ in permissions),
        ("issuers", "Trusted issuers", "", Permission.OIDC_ISSUERS_READ in permissions),
        ("webhooks", "Webhooks", "", Permission.ORGANIZATION_WEBHOOK_READ in permissions),
        ("audit-log", "Audit log", "", Permission.AUDIT_LOGS_READ in permissions),
        ("general", "Settings", "", True),
    )
    return [Link(key, text, organization_address(membership.login, key), keys) for key, text, keys, is_shown in tabs if is_shown]


def policy_tabs_of(membership: Membership) -> list[Link]:
    """Return the pages about an organization's policies that a member may see, in order."""
    permissions = membership.permissions()
    tabs = (
        ("compliance", "Compliance", Permission.POLICY_RESULTS_READ),
        ("issues", "Issues", Permission.POLICY_RESULTS_READ),
        ("exceptions", "Exceptions", Permission.POLICY_EXCEPTIONS_READ),
        ("packs", "Policy packs", Permission.POLICY_PACK_READ),
        ("groups", "Policy groups", Permission.POLICY_GROUPS_READ),
    )
    return [
        Link(key, text, organization_address(membership.login, "policies", key))
        for key, text, permission in tabs
        if permission in permissions
    ]
