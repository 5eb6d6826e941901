"""Who is calling: upstream's user shapes. Unset fields are omitted; the vendor's SDK insists on all others."""

import msgspec
from msgspec import UNSET, UnsetType


class OrganizationSummaryWithRole(msgspec.Struct, rename="camel"):
    """Upstream: OrganizationSummaryWithRole."""

    name: str
    github_login: str
    avatar_url: str
    role: str


class TokenInfo(msgspec.Struct, rename="camel"):
    """Upstream: TokenInfo, of an organization's or team's token; its presence tells clients that the token is no person's.

    `team` is empty for an organization's token: the vendor's SDK insists on all three.
    """

    name: str
    organization: str
    team: str


class User(msgspec.Struct, rename="camel"):
    """Upstream: User. `identities` are names of identity providers, as bare strings."""

    id: str
    github_login: str
    name: str
    email: str
    avatar_url: str
    organizations: list[OrganizationSummaryWithRole]
    identities: list[str]
    site_admin: bool
    registry_admin: bool = False
    token_info: TokenInfo | UnsetType = UNSET
    has_mfa: bool = msgspec.field(default=False, name="hasMFA")
    is_org_managed: bool = False
    is_managed_by_multi_org: bool = False
    is_agent: bool = False


class Message(msgspec.Struct):
    """Upstream: apitype.Message; `severity` is warning, error or info."""

    severity: str
    message: str


class GetDefaultOrganizationResponse(msgspec.Struct):
    """Upstream: apitype.GetDefaultOrganizationResponse, whose keys begin with capitals: it has no JSON names there."""

    GitHubLogin: str
    Messages: list[Message]
