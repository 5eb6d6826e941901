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
    """What a statement does to the tokens that it is about."""

    ALLOW = "allow"
    DENY = "deny"


class TokenType(StrEnum):
    """What an identity token may be exchanged for."""

    ORGANIZATION = "organization"
    TEAM = "team"
    PERSONAL = "personal"
    RUNNER = "runner"


class Level(StrEnum):
    """What an organization's token may be without a role of its own; upstream's `authorizedPermissions`."""

    STANDARD = "standard"
    ADMIN = "admin"


class Statement(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One statement of a policy, as it is stored; `rules` has for each claim the patterns of which one must match.

    `target` is the team's name, which may be a pattern, the user's login, or the runner's id. `role_id` and `levels` are of
    organization tokens alone.
    """

    decision: Decision
    token_type: TokenType
    rules: dict[str, str | list[str]]
    target: str = ""
    role_id: str = ""
    levels: tuple[Level, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks a token for: its type, and the team, user or runner; `is_admin` for an organization's."""

    token_type: TokenType
    target: str = ""
    is_admin: bool = False


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
    """What an issuer is registered with; None and empty where it was left out."""

    name: str
    url: str
    thumbprints: tuple[str, ...] = ()
    max_expiration_seconds: int | None = None
    jwks: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of an issuer; None and empty stay as they are."""

    name: str
    thumbprints: tuple[str, ...] = ()
    max_expiration_seconds: int | None = None
    jwks: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Discovered:
    """What an issuer says of itself, and the thumbprints of the certificates that served it; `keys` is a JWKS as JSON."""

    issuer: str
    keys: str = field(repr=False)
    thumbprints: tuple[str, ...]


def matchable_claims(claims: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims that a rule can match, which are texts and lists of texts: what a later check of the policy needs."""
    return {name: value for name, claim in claims.items() if (value := _matchable(claim)) is not None}


def require_name(name: str) -> str:
    """Return an issuer's name without blanks around it; BadRequest for one that is empty or too long."""
    trimmed = name.strip()
    if not trimmed:
        msg = "an issuer needs a name"
        raise BadRequest(msg)
    if len(trimmed) > NAME_LIMIT or not trimmed.isprintable():
        msg = f"the name of an issuer may have {NAME_LIMIT} characters, all of them printable"
        raise BadRequest(msg)
    return trimmed


def require_url(url: str) -> None:
    """Raise BadRequest unless a text can be an issuer's address: http or https, without a query, a fragment or a user."""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_address = False
    if not is_address or len(url) > URL_LIMIT or not url.isascii() or not url.isprintable() or " " in url:
        msg = f"{url[:80]!a} is not an address of an issuer, like https://token.example.com"
        raise BadRequest(msg)
    if parts.query or parts.fragment or "@" in parts.netloc:
        msg = "the address of an issuer has no query, no fragment and no user name"
        raise BadRequest(msg)


def require_expiration(seconds: int | None) -> int | None:
    """Return the longest life of an issuer's tokens, None when it was left out; BadRequest for what it cannot be."""
    if not seconds:
        return None
    if not 0 < seconds <= EXPIRATION_LIMIT_SECONDS:
        msg = f"maxExpiration is in seconds: 1 to {EXPIRATION_LIMIT_SECONDS:,}"
        raise BadRequest(msg)
    return seconds


def require_thumbprints(texts: Sequence[str]) -> tuple[str, ...]:
    """Return thumbprints in lower case without colons; BadRequest for what is none."""
    if len(texts) > THUMBPRINTS_LIMIT:
        msg = f"an issuer may have {THUMBPRINTS_LIMIT} thumbprints"
        raise BadRequest(msg)
    plain = tuple(dict.fromkeys(text.strip().replace(":", "").lower() for text in texts))
    for text in plain:
        if not _THUMBPRINT.fullmatch(text):
            msg = f"{text[:80]!a} is not a thumbprint: the SHA-256 (or SHA-1) of a certificate, in hexadecimal"
            raise BadRequest(msg)
    return plain


def _matchable(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return [item for item in value if isinstance(item, str)]
    return matchable_claims(value) if isinstance(value, Mapping) else None
