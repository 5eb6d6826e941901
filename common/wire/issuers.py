"""Issuers of identity tokens and their policies: requests and replies. `null` equals absent."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType


class OidcIssuerUpdateRequest(msgspec.Struct, rename="camel"):
    """Upstream: OidcIssuerUpdateRequest; `max_expiration` in seconds."""

    name: str | None = None
    thumbprints: list[str] | None = None
    max_expiration: int | None = None
    jwks: dict[str, Any] | None = None


class OidcIssuerRegistrationRequest(OidcIssuerUpdateRequest, rename="camel"):
    """Upstream: OidcIssuerRegistrationRequest."""

    url: str | None = None


class OidcIssuerRegistrationResponse(msgspec.Struct, rename="camel"):
    """Upstream: OidcIssuerRegistrationResponse; `max_expiration` in seconds.

    `jwks` is left out for clients that accept `application/json`: the vendor's SDK has another shape for it, of the library that
    its server is written with, and fails on a standard one (platform.md 10.1).
    """

    id: str
    name: str
    url: str
    issuer: str
    max_expiration: int
    created: datetime
    modified: datetime
    thumbprints: list[str] | UnsetType = UNSET
    jwks: msgspec.Raw | UnsetType = UNSET
    last_used: datetime | UnsetType = UNSET


class ListOidcIssuersResponse(msgspec.Struct, rename="camel"):
    """Upstream: ListOidcIssuersResponse."""

    oidc_issuers: list[OidcIssuerRegistrationResponse]


class AuthPolicyDefinitionRequest(msgspec.Struct, rename="camel"):
    """Upstream: AuthPolicyDefinition, as clients send it."""

    decision: str | None = None
    token_type: str | None = None
    team_name: str | None = None
    user_login: str | None = None
    runner_id: str | None = msgspec.field(default=None, name="runnerID")
    role_id: str | None = msgspec.field(default=None, name="roleID")
    authorized_permissions: list[str] | None = None
    rules: dict[str, Any] | None = None


class AuthPolicyUpdateRequest(msgspec.Struct, rename="camel"):
    """Upstream: AuthPolicyUpdateRequest."""

    policies: list[AuthPolicyDefinitionRequest] | None = None


class AuthPolicyDefinition(msgspec.Struct, rename="camel"):
    """Upstream: AuthPolicyDefinition; the vendor's SDK needs `authorized_permissions` even when there are none."""

    decision: str
    token_type: str
    authorized_permissions: list[str]
    rules: dict[str, Any]
    team_name: str | UnsetType = UNSET
    user_login: str | UnsetType = UNSET
    runner_id: str | UnsetType = msgspec.field(default=UNSET, name="runnerID")
    role_id: str | UnsetType = msgspec.field(default=UNSET, name="roleID")


class AuthPolicy(msgspec.Struct, rename="camel"):
    """Upstream: AuthPolicy."""

    id: str
    version: int
    created: datetime
    modified: datetime
    policies: list[AuthPolicyDefinition]
