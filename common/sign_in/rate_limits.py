"""Rate limits of sign-in. Tries are counted in the database, so that all processes count together.

A subject is stored as a keyed hash, so that the table shows neither addresses nor who tried. Names are counted as they were
typed, with or without an account, so a refusal says nothing about accounts. An account has two names, its login and its
address, so twice a name's limit can be tried on it.
"""

import hmac
import ipaddress
from dataclasses import dataclass
from hashlib import sha256

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import TooManyRequests
from common.crypto.service_keys import service_key
from common.db.faults import is_duplicate
from common.db.retry import retry
from common.sign_in.repository import rate_limits

_SECOND = 1000
_ROUNDS = 2
# The size of the network of one IPv6 customer.
_NETWORK_BITS = 64


@dataclass(frozen=True, slots=True)
class Limit:
    """How many tries are allowed within a window of time."""

    kind: str
    tries: int
    window_seconds: int


SIGN_IN_OF_NAME = Limit("sign-in of name", 10, 900)
SIGN_IN_OF_CLIENT = Limit("sign-in of client", 100, 900)
PASSWORD_OF_ACCOUNT = Limit("password of account", 10, 900)
SIGN_UP_OF_ADDRESS = Limit("sign-up of address", 5, 3600)
SIGN_UP_OF_CLIENT = Limit("sign-up of client", 20, 3600)
RESET_OF_ADDRESS = Limit("reset of address", 3, 3600)
RESET_OF_CLIENT = Limit("reset of client", 20, 3600)
# Each try stores a pending sign-in until it expires.
PROVIDER_OF_CLIENT = Limit("provider of client", 300, 900)
# Refused identity tokens: each is an event in an organization's audit log.
REFUSAL_OF_CLIENT = Limit("refusal of client", 100, 900)
MAIL_OF_ACCOUNT = Limit("mail of account", 5, 3600)
LONGEST_WINDOW_SECONDS = 3600


def count(backend: Backend, *subjects: tuple[Limit, str]) -> list[str]:
    """Count a try of each subject and return the argument for `refund`; raises TooManyRequests if a limit is used up.

    An empty subject is unknown and is not counted. Each try is a statement of its own, so that it counts even if the use case
    fails.
    """
    # No permission check: this runs before the caller is known.
    return [_count(backend, limit, subject) for limit, subject in subjects if subject]


def refund(backend: Backend, counted: list[str]) -> None:
    """Uncount tries that succeeded: only failures count."""

    def change() -> None:
        with backend.db.connect() as connection:
            rate_limits.decrement(connection, counted)

    if counted:
        retry(change)


def client_subject(address: str) -> str:
    """Return the subject of a client's network address, or an empty text if it is not an address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(parsed), _NETWORK_BITS), strict=False))
    return str(parsed)


def _count(backend: Backend, limit: Limit, subject: str) -> str:
    text = f"{limit.kind}:{subject}".encode("utf-8", "replace")
    row_id = hmac.new(service_key(backend, "throttle"), text, sha256).hexdigest()
    started_at = None
    for _ in range(_ROUNDS):  # Again if another process started the window meanwhile.
        if retry(lambda: _is_counted(backend, limit, row_id)):
            return row_id
        with backend.db.connect() as connection:
            started_at = rate_limits.find_window(connection, row_id)
    left_millis = (started_at or 0) + limit.window_seconds * _SECOND - unix_millis(backend.clock.now())
    seconds = max(1, min(limit.window_seconds, -(-left_millis // _SECOND)))
    raise TooManyRequests(f"too many tries; wait {_in_minutes(seconds)} and try again", retry_after_seconds=seconds)


def _is_counted(backend: Backend, limit: Limit, row_id: str) -> bool:
    now = unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        window = limit.window_seconds * _SECOND
        if rate_limits.increment(connection, row_id, now_millis=now, window_millis=window, tries=limit.tries):
            return True
        try:
            rate_limits.create(connection, row_id, now)
        except Exception as error:
            if is_duplicate(error):
                return False
            raise
    return True


def _in_minutes(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return "a minute" if minutes == 1 else f"{minutes} minutes"
