"""Values of sign-in with identity providers: providers, accounts there, identities and pending sign-ins. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any

from common.mailing.model import clean_address

_TEXT_LIMIT = 255


class Provider(StrEnum):
    """An identity provider, as the addresses of the sign-in pages name it."""

    GITHUB = "github"
    GITLAB = "gitlab"
    OIDC = "oidc"


@dataclass(frozen=True, slots=True)
class Offer:
    """A provider that people can sign in with; `label` is its name on a button."""

    key: Provider
    label: str


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets that bind a provider's response to one sign-in."""

    state: str = field(repr=False)
    verifier: str = field(repr=False)
    nonce: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignInKey:
    """The key of a pending sign-in. It has hashes only, so that a copy of the database completes no sign-in."""

    provider: str
    state_hash: str
    browser_hash: str


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """A sign-in that was sent to a provider; `user_id` is the user who links an identity, or None for a sign-in."""

    verifier: str = field(repr=False)
    nonce: str = field(repr=False)
    return_to: str
    user_id: str | None


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """The parameters that a provider sends a browser back with; a missing one is an empty text."""

    state: str = field(repr=False)
    code: str = field(default="", repr=False)
    error: str = ""
    issuer: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """The account of a person at a provider.

    `provider` and `subject` never change for the same account. `email` is in lower case, or empty; it belongs to the account
    only if `is_verified`. `is_own`: the provider is the operator's, so everyone with an account there may sign in. `groups` is
    None if the provider does not say anything about groups.
    """

    provider: str
    subject: str
    login: str
    name: str
    email: str
    is_verified: bool
    is_own: bool
    groups: frozenset[str] | None = None

    @property
    def address(self) -> str:
        """Return the verified address, or an empty text."""
        return self.email if self.is_verified else ""


@dataclass(frozen=True, slots=True)
class IdentityOwner:
    """The user of an identity. `exists` is false if the user was removed; `has_address` if they have an address already."""

    user_id: str
    exists: bool
    has_address: bool


@dataclass(frozen=True, slots=True)
class Identity:
    """An identity as its owner sees it; `used_at` in unix milliseconds."""

    provider: str
    subject: str
    login: str
    email: str
    used_at: int


@dataclass(frozen=True, slots=True)
class GroupTarget:
    """An organization that groups lead to, with one of its teams if they lead to one, and the user's memberships in both."""

    org: str
    org_id: str
    is_shared: bool
    is_member: bool
    team: str | None
    team_id: str | None
    is_in_team: bool


class BadAccount(Exception):
    """A provider's answer lacks a required member; the text says which, and repeats nothing of the answer."""


def subject_of(value: object) -> str:
    """Return a provider's id of an account as text; raises BadAccount if it is not valid.

    OpenID Connect allows 255 ASCII characters; the database could store other characters differently.
    """
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not 0 < len(text) <= _TEXT_LIMIT or not (text.isascii() and text.isprintable()):
        raise BadAccount("it does not say who it is about")
    return text


def text_of(claims: Mapping[str, Any], *names: str) -> str:
    """Return the first of some members that is a text with printable characters, cut to the longest that can be stored."""
    texts = (_printable(claims.get(name)) for name in names)
    return next((text for text in texts if text), "")


def address_of(value: object) -> str:
    """Return an address in lower case, or an empty text if the value is not an address."""
    return clean_address(value) if isinstance(value, str) else ""


def own_name(kind: Provider, address: str) -> str:
    """Return the name of the operator's own server in `identities`: ids are unique on one server only."""
    return f"{kind}:{sha256(address.rstrip('/').encode()).hexdigest()[:24]}"


def _printable(value: object) -> str:
    """Return a text without unprintable characters, such as surrogates, which no database stores."""
    text = value if isinstance(value, str) else ""
    return "".join(character for character in text[: 4 * _TEXT_LIMIT] if character.isprintable()).strip()[:_TEXT_LIMIT]
