"""How long the tokens live that people make in a browser: never longer than every organization of theirs takes."""

from datetime import datetime, timedelta

from common.access.tokens import IssuedToken
from common.backend import Backend
from common.core.clock import unix_seconds
from common.people.tokens import service as tokens
from common.people.tokens.model import DESCRIPTION_LIMIT, NewToken
from common.rights.caller import Caller

NEVER = 0
_OFFERED_DAYS = (7, 30, 90, 365)


def longest_days(caller: Caller) -> int:
    """Return how many days a token may live that all of the caller's organizations take, or NEVER for one without an end."""
    limits = [found.settings.max_access_token_expiry_days for found in caller.memberships]
    return min((limit for limit in limits if limit > 0), default=NEVER)


def offered_days(caller: Caller) -> tuple[int, ...]:
    """Return the lifetimes, in days, that a page offers to choose from; NEVER, if it may be chosen, stands last."""
    longest = longest_days(caller)
    if longest == NEVER:
        return (*_OFFERED_DAYS, NEVER)
    return (*(days for days in _OFFERED_DAYS if days < longest), longest)


def expires(days: int, now: datetime) -> int:
    """Return the end of a token that lives so many days, in unix seconds; 0 for NEVER."""
    return unix_seconds(now + timedelta(days=days)) if days != NEVER else 0


def create_for_command_line(backend: Backend, caller: Caller, description: str) -> IssuedToken:
    """Make a token for the command line of the caller's that asked in a browser; it lives as long as may be."""
    # No permission check: `create_personal` makes it, for the caller alone.
    wanted = NewToken(description[:DESCRIPTION_LIMIT], expires(longest_days(caller), backend.clock.now()))
    return tokens.create_personal_token(backend, caller, wanted)
