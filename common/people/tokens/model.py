"""Access tokens to create, and queries of their lists. No I/O."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from common.core.errors import BadRequest
from common.rights.caller import TokenKind

NAME_LIMIT = 40
DESCRIPTION_LIMIT = 1_024
# Two years, with a leap day and some room for clients with clocks ahead of ours.
EXPIRY_LIMIT_DAYS = 732
_NAME = re.compile(r"[A-Za-z0-9_-]+")


class TokenFilter(StrEnum):
    """Which tokens a list shows; upstream's `filter`. Revoked ones are never shown."""

    ACTIVE = "active"
    EXPIRED = "expired"
    ALL = "all"


class SortField(StrEnum):
    """The key of a list's order. A token that was never used comes first, one that never expires last."""

    NAME = "name"
    CREATED = "created"
    LAST_USED = "lastUsed"
    EXPIRES = "expires"


class SortDirection(StrEnum):
    """The order of a list."""

    ASCENDING = "asc"
    DESCENDING = "desc"


@dataclass(frozen=True, slots=True)
class TokenQuery:
    """Filter and order of a list; `search` is a part of a name or description, in upper or lower case."""

    token_filter: TokenFilter = TokenFilter.ACTIVE
    search: str = ""
    sort_by: SortField = SortField.CREATED
    direction: SortDirection = SortDirection.DESCENDING


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of tokens: a kind, and the id of the user, organization or team."""

    kind: TokenKind
    id: str


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token to create; `expires` in unix seconds, 0 for never. Personal tokens have no name.

    `reason` is for the audit log.
    """

    description: str
    expires: int
    name: str = ""
    is_admin: bool = False
    role_id: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """A token in a list, without its text, which is not stored. Times in unix milliseconds, None for never.

    `role_id` is the role that an organization's token was created with, `sort_key` the value that the list is ordered by.
    """

    id: str
    kind: str
    name: str
    description: str
    is_admin: bool
    role_id: str | None
    created_by: str
    created_at: int
    last_used_at: int | None
    expires_at: int | None
    sort_key: str = field(default="", compare=False)


def require_name(name: str) -> None:
    """Raise BadRequest unless a token of an organization or a team may have this name.

    Clients put names into addresses and ids that they cut at slashes, so only letters, digits, `-` and `_` are allowed.
    """
    if len(name) > NAME_LIMIT:
        raise BadRequest(f"Token name may not be longer than {NAME_LIMIT} characters")
    if not _NAME.fullmatch(name):
        raise BadRequest("Token name may only contain alphanumeric, hyphens, or underscores")


def require_description(description: str) -> None:
    """Raise BadRequest unless a token may have this description."""
    if len(description) > DESCRIPTION_LIMIT:
        raise BadRequest(f"Token description may not be longer than {DESCRIPTION_LIMIT:,} characters")


def expiry(expires: int, now: datetime) -> datetime | None:
    """Return when a token expires, None for never; BadRequest for a time in the past or too far ahead."""
    if expires == 0:
        return None
    if expires <= now.timestamp():
        raise BadRequest("Token expiry must be in the future: `expires` counts seconds since 1970, and 0 means never")
    if expires > (now + timedelta(days=EXPIRY_LIMIT_DAYS)).timestamp():
        raise BadRequest("Token expiry may be at most two years ahead")
    return datetime.fromtimestamp(expires, UTC)


def outlives(expires_at: datetime | None, now: datetime, days: int) -> bool:
    """Tell whether a token created now lives longer than an organization allows; 0 days is no limit."""
    return days > 0 and (expires_at is None or expires_at - now > timedelta(days=days))
