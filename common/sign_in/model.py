"""What providers have in common, as values: their names, what they say of somebody, and the secrets of one sign-in. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any

from common.mailing.model import clean_address

_TEXT_LIMIT = 255


class Provider(StrEnum):
    """A provider, by its place in the addresses of sign-in pages."""

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
    """What binds a provider's answer to one sign-in."""

    state: str = field(repr=False)
    verifier: str = field(repr=False)
    nonce: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Flow:
    """Which sign-in it is: hashes alone, so that a copy of the database completes none."""

    provider: str
    state_hash: str
    browser_hash: str


@dataclass(frozen=True, slots=True)
class Pending:
    """What a sign-in is resumed with; `user_id` says who links another identity to their account."""

    verifier: str = field(repr=False)
    nonce: str = field(repr=False)
    return_to: str
    user_id: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider sent a browser back with; a part that is missing is an empty text."""

    state: str = field(repr=False)
    code: str = field(default="", repr=False)
    error: str = ""
    issuer: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """Who somebody is at a provider.

    `provider` and `subject` never change for the same account; `email` is empty for none, in lower case, and the account's
    own only if `is_verified`. `is_own`: the provider is the operator's, so everybody whom it lets in may come. `groups` is
    None where the provider has no say about them.
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
        """Return the address that is known to be theirs, or an empty text."""
        return self.email if self.is_verified else ""


@dataclass(frozen=True, slots=True)
class Known:
    """An identity that is somebody's; `is_there` is false when that user is gone. `has_address`: they have one already."""

    user_id: str
    is_there: bool
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
class Place:
    """An organization that groups lead to, with one of its teams that they lead to, if there is one, and who is in them."""

    org: str
    org_id: str
    is_shared: bool
    is_member: bool
    team: str | None
    team_id: str | None
    is_in_team: bool


class BadAccount(Exception):
    """A provider's answer lacks what an account must have; the text says what, and holds nothing of the answer."""


def subject_of(value: object) -> str:
    """Return a provider's id of an account as text; raises BadAccount for what cannot be one.

    OpenID Connect allows 255 ASCII characters; anything else could be kept differently than it was sent.
    """
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not 0 < len(text) <= _TEXT_LIMIT or not (text.isascii() and text.isprintable()):
        raise BadAccount("it does not say who it is about")
    return text


def text_of(claims: Mapping[str, Any], *names: str) -> str:
    """Return the first of some members that is a text with something to show in it, cut to what can be kept."""
    texts = (_shown(claims.get(name)) for name in names)
    return next((text for text in texts if text), "")


def address_of(value: object) -> str:
    """Return an address in lower case, or an empty text for what is none."""
    return clean_address(value) if isinstance(value, str) else ""


def own_name(kind: Provider, address: str) -> str:
    """Return what `identities` call the operator's own server: ids are unique on one server only."""
    return f"{kind}:{sha256(address.rstrip('/').encode()).hexdigest()[:24]}"


def _shown(value: object) -> str:
    """Return a text without what cannot be shown: halves of surrogate pairs, which no database keeps, among it."""
    text = value if isinstance(value, str) else ""
    return "".join(one for one in text[: 4 * _TEXT_LIMIT] if one.isprintable()).strip()[:_TEXT_LIMIT]
