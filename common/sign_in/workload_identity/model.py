"""Issuers of identity tokens and their policies as values. No I/O."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import msgspec

from common.core.errors import BadRequest

NAME_LIMIT = 100
URL_LIMIT = 500
DEFAULT_EXPIRATION_SECONDS = 25 * 3_600
EXPIRATION_LIMIT_SECONDS = 365 * 86_400
THUMBPRINTS_LIMIT = 20
# SHA-1 and SHA-256 in hexadecimal; tools print them with colons between.
_THUMBPRINT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
ORG_AUDIENCE = "urn:pulumi:org:"


class Decision(StrEnum):
    """What a statement does with the tokens that it matches."""

    ALLOW = "allow"
    DENY = "deny"


class TokenType(StrEnum):
    """The type of access token that an identity token is exchanged for."""

    ORGANIZATION = "organization"
    TEAM = "team"
    PERSONAL = "personal"
    RUNNER = "runner"


class Level(StrEnum):
    """The level of an organization token without a role; upstream's `authorizedPermissions`."""

    STANDARD = "standard"
    ADMIN = "admin"


class Statement(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One statement of a policy, as it is stored; `rules` has for each claim the patterns of which one must match.

    `target` is the team's name, which may be a pattern, the user's login, or the runner's id. `role_id` and `levels` are only
    for organization tokens.
    """

    decision: Decision
    token_type: TokenType
    rules: dict[str, str | list[str]]
    target: str = ""
    role_id: str = ""
    levels: tuple[Level, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestedToken:
    """The access token that a client requests: its type, and the team, user or runner; `is_admin` is for organizations."""

    token_type: TokenType
    target: str = ""
    is_admin: bool = False


class Exchange(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The token that an identity token was exchanged for, and the claims of it; `exchanged_at` in unix milliseconds."""

    token_type: TokenType
    seconds: int
    exchanged_at: int
    claims: dict[str, Any]
    target: str = ""
    is_admin: bool = False
    role_id: str | None = None

    @property
    def requested(self) -> RequestedToken:
        """Return the token that the policy is checked for."""
        return RequestedToken(self.token_type, self.target, self.is_admin)


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A stored refresh token; times in unix milliseconds."""

    token_hash: str
    family_id: str
    issuer_id: str
    token_id: str
    exchange: Exchange
    expires_at: int
    used_at: int | None


@dataclass(frozen=True, slots=True)
class IssuedTokens:
    """An access token and a refresh token with their texts, and the exchange that they are for."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    seconds: int
    requested: RequestedToken


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer that an organization trusts. Times in unix milliseconds; `keys` and `static_keys` are JWKS as JSON."""

    id: str
    org_id: str
    org_login: str
    name: str
    url: str
    issuer: str
    thumbprints: tuple[str, ...]
    static_keys: str | None
    keys: str | None
    keys_at: int | None
    keys_asked_at: int | None
    max_expiration_seconds: int
    policy_id: str
    policy_version: int
    statements: tuple[Statement, ...]
    policy_modified_at: int
    created_at: int
    modified_at: int
    last_used_at: int | None


@dataclass(frozen=True, slots=True)
class Registration:
    """The fields of a new issuer; None or empty if left out."""

    name: str
    url: str
    thumbprints: tuple[str, ...] = ()
    max_expiration_seconds: int | None = None
    jwks: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class IssuerUpdate:
    """The new fields of an issuer; None and empty ones stay as they are."""

    name: str
    thumbprints: tuple[str, ...] = ()
    max_expiration_seconds: int | None = None
    jwks: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Discovered:
    """An issuer's own name, its keys as JWKS in JSON, and the thumbprints of the certificates that served them."""

    issuer: str
    keys: str = field(repr=False)
    thumbprints: tuple[str, ...]


def matchable_claims(claims: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims that a rule can match, which are texts and lists of texts: what a later check of the policy needs."""
    return {name: value for name, claim in claims.items() if (value := _matchable(claim)) is not None}


def require_name(name: str) -> str:
    """Return the name of an issuer without spaces around it; BadRequest if it is empty or too long."""
    trimmed = name.strip()
    if not trimmed:
        raise BadRequest("an issuer needs a name")
    if len(trimmed) > NAME_LIMIT or not trimmed.isprintable():
        raise BadRequest(f"the name of an issuer may have at most {NAME_LIMIT} characters, all of them printable")
    return trimmed


def require_url(url: str) -> None:
    """Raise BadRequest unless a text can be the address of an issuer: http or https, without a query, a fragment or a user."""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_address = False
    if not is_address or len(url) > URL_LIMIT or not url.isascii() or not url.isprintable() or " " in url:
        raise BadRequest(f"{url[:80]!a} is not the address of an issuer, such as https://token.example.com")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise BadRequest("the address of an issuer must not have a query, a fragment or a user name")


def require_expiration(seconds: int | None) -> int | None:
    """Return the longest lifetime of an issuer's tokens, or None if it was left out; BadRequest if it is out of range."""
    if not seconds:
        return None
    if not 0 < seconds <= EXPIRATION_LIMIT_SECONDS:
        raise BadRequest(f"maxExpiration is in seconds: 1 to {EXPIRATION_LIMIT_SECONDS:,}")
    return seconds


def require_thumbprints(texts: Sequence[str]) -> tuple[str, ...]:
    """Return thumbprints in lower case without colons; BadRequest if a text is not a thumbprint."""
    if len(texts) > THUMBPRINTS_LIMIT:
        raise BadRequest(f"an issuer may have at most {THUMBPRINTS_LIMIT} thumbprints")
    thumbprints = tuple(dict.fromkeys(text.strip().replace(":", "").lower() for text in texts))
    for text in thumbprints:
        if not _THUMBPRINT.fullmatch(text):
            raise BadRequest(f"{text[:80]!a} is not a thumbprint: the SHA-256 (or SHA-1) of a certificate, in hexadecimal")
    return thumbprints


def _matchable(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return [item for item in value if isinstance(item, str)]
    return matchable_claims(value) if isinstance(value, Mapping) else None
