"""Which access tokens may be made, and how their lists are narrowed and ordered. No I/O."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from common.core.errors import BadRequest
from common.rights.caller import TokenKind

NAME_LIMIT = 40
DESCRIPTION_LIMIT = 1_024
# Two years, with a leap day and some room for clients whose clocks are ahead of ours.
EXPIRY_LIMIT_DAYS = 732
_NAME = re.compile(r"[A-Za-z0-9_-]+")


class TokenFilter(StrEnum):
    """Which tokens a list shows; upstream's `filter`. Revoked ones are never shown."""

    ACTIVE = "active"
    EXPIRED = "expired"
    ALL = "all"


class SortField(StrEnum):
    """What a list is ordered by. A token that was never used comes before all others, one that never expires after them."""

    NAME = "name"
    CREATED = "created"
    LAST_USED = "lastUsed"
    EXPIRES = "expires"


class SortDirection(StrEnum):
    """In which direction a list runs."""

    ASCENDING = "asc"
    DESCENDING = "desc"


@dataclass(frozen=True, slots=True)
class TokenQuery:
    """How a list is narrowed and ordered; `search` is a part of a name or description, in any case."""

    shown: TokenFilter = TokenFilter.ACTIVE
    search: str = ""
    sort_by: SortField = SortField.CREATED
    direction: SortDirection = SortDirection.DESCENDING


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose tokens: a kind, and the id of the person, organization or team."""

    kind: TokenKind
    id: str


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that somebody wants to make; `expires` in unix seconds, 0 for never. People's tokens have no name.

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
    """A token in a list: never its text, which nobody has any more. Times in unix milliseconds, None for never.

    `role_id` is the role of an organization's token where one was chosen, `sort_key` what the list is ordered by.
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

    Clients put names into addresses and ids that they cut at slashes, so there is nothing but letters, digits, `-`, `_`.
    """
    if len(name) > NAME_LIMIT:
        msg = f"Token name may not be longer than {NAME_LIMIT} characters"
        raise BadRequest(msg)
    if not _NAME.fullmatch(name):
        msg = "Token name may only contain alphanumeric, hyphens, or underscores"
        raise BadRequest(msg)


def require_description(description: str) -> None:
    """Raise BadRequest unless a token may have this description."""
    if len(description) > DESCRIPTION_LIMIT:
        msg = f"Token description may not be longer than {DESCRIPTION_LIMIT:,} characters"
        raise BadRequest(msg)


def expiry(expires: int, now: datetime) -> datetime | None:
    """Return when a token ends, None for never; BadRequest for the past and for what is too far ahead."""
    if expires == 0:
        return None
    if expires <= now.timestamp():
        msg = "Token expiry must be in the future: `expires` counts seconds since 1970, and 0 means never"
        raise BadRequest(msg)
    if expires > (now + timedelta(days=EXPIRY_LIMIT_DAYS)).timestamp():
        msg = "Token expiry may be at most two years ahead"
        raise BadRequest(msg)
    return datetime.fromtimestamp(expires, UTC)


def outlives(expires_at: datetime | None, now: datetime, days: int) -> bool:
    """Tell whether a token made now lives longer than an organization allows; 0 days is no limit."""
    return days > 0 and (expires_at is None or expires_at - now > timedelta(days=days))
