"""Access tokens: requests and replies. The vendor's SDK sends `null` for what is not set, so `null` equals absent."""

from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType


class CreatePersonalAccessTokenRequest(msgspec.Struct, rename="camel"):
    """Upstream: CreatePersonalAccessTokenRequest; `expires` in unix seconds, 0 for never."""

    description: str | None = None
    expires: int | None = None


class CreateTeamAccessTokenRequest(CreatePersonalAccessTokenRequest, rename="camel"):
    """Upstream: CreateTeamAccessTokenRequest."""

    name: str | None = None


class CreateOrgAccessTokenRequest(CreateTeamAccessTokenRequest, rename="camel"):
    """Upstream: CreateOrgAccessTokenRequest."""

    admin: bool | None = None
    role_id: str | None = msgspec.field(default=None, name="roleID")


class CreateAccessTokenResponse(msgspec.Struct, rename="camel"):
    """Upstream: CreateAccessTokenResponse, the only place where the text of a token is told."""

    id: str
    token_value: str

    def __repr__(self) -> str:
        """Leave the token's text out."""
        return f"CreateAccessTokenResponse(id={self.id!r})"


class AccessTokenRole(msgspec.Struct, rename="camel"):
    """Upstream: AccessTokenRole; the vendor's SDK takes no role without one of the identifiers of built-in ones."""

    id: str
    name: str
    default_identifier: str


class AccessToken(msgspec.Struct, rename="camel"):
    """Upstream: AccessToken; `last_used` and `expires` in unix seconds, 0 for never, `created` as RFC 3339 text."""

    id: str
    name: str
    description: str
    created: datetime
    last_used: int
    expires: int
    admin: bool
    created_by: str
    type: str
    role: AccessTokenRole | UnsetType = UNSET


class ListAccessTokensResponse(msgspec.Struct, rename="camel"):
    """Upstream: ListAccessTokensResponse."""

    tokens: list[AccessToken]
    continuation_token: str | UnsetType = UNSET
