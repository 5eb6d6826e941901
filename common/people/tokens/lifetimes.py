"""Lifetimes of tokens that people create in a browser: no longer than all of their organizations accept. No I/O."""

from datetime import datetime, timedelta

from common.core.clock import unix_seconds
from common.rights.caller import Caller

NEVER = 0
_OFFERED_DAYS = (7, 30, 90, 365)


def longest_days(caller: Caller) -> int:
    """Return the longest lifetime in days that all of the caller's organizations accept; NEVER without a limit."""
    limits = [membership.settings.max_access_token_expiry_days for membership in caller.memberships]
    return min((limit for limit in limits if limit > 0), default=NEVER)


def offered_days(caller: Caller) -> tuple[int, ...]:
    """Return the lifetimes in days that a page offers; NEVER, if it is allowed, is the last."""
    return days_up_to(longest_days(caller))


def days_up_to(longest: int) -> tuple[int, ...]:
    """Return the lifetimes to offer where a token may live so many days; all for NEVER."""
    if longest == NEVER:
        return (*_OFFERED_DAYS, NEVER)
    return (*(days for days in _OFFERED_DAYS if days < longest), longest)


def expires(days: int, now: datetime) -> int:
    """Return when a token with this lifetime expires, in unix seconds; 0 for NEVER."""
    return unix_seconds(now + timedelta(days=days)) if days != NEVER else 0
