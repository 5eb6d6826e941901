"""Limits how often somebody may try: counted in the database, so that forty processes count together.

What is counted is named by a keyed hash, so that the table tells neither addresses nor who tried. Names are counted as they
were typed, whether somebody has them or not: a refusal says nothing about accounts. An account has two names, its login and
its address, so it can be tried at twice a name's limit.
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
# An IPv6 customer has a network of this size.
_NETWORK_BITS = 64


@dataclass(frozen=True, slots=True)
class Limit:
    """How often something may be tried within a window of time."""

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
# Each begins a sign-in at a provider, which is kept until it comes back.
PROVIDER_OF_CLIENT = Limit("provider of client", 300, 900)
# Of identity tokens that were refused: each is an entry in an organization's audit log.
REFUSAL_OF_CLIENT = Limit("refusal of client", 100, 900)
MAIL_OF_ACCOUNT = Limit("mail of account", 5, 3600)
LONGEST_WINDOW_SECONDS = 3600


def take(backend: Backend, *asked: tuple[Limit, str]) -> list[str]:
    """Count a try of each subject and return what `give_back` takes; raises TooManyRequests for one that is used up.

    An empty subject is not known and not counted. A few statements, each by itself: tries count even if what they were for
    fails.
    """
    # No permission check: it is asked before anybody is let in.
    return [_take(backend, limit, subject) for limit, subject in asked if subject]


def give_back(backend: Backend, taken: list[str]) -> None:
    """Take tries back that succeeded: failures alone count."""

    def change() -> None:
        with backend.db.connect() as connection:
            rate_limits.give_back(connection, taken)

    if taken:
        retry(change)


def client_subject(address: str) -> str:
    """Return what a client's network address counts as, or an empty text for what is none."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(found), _NETWORK_BITS), strict=False))
    return str(found)


def _take(backend: Backend, limit: Limit, subject: str) -> str:
    named = hmac.new(service_key(backend, "throttle"), f"{limit.kind}:{subject}".encode("utf-8", "replace"), sha256).hexdigest()
    began_at = None
    for _ in range(_ROUNDS):  # Again when another process began the window meanwhile.
        if retry(lambda: _is_counted(backend, limit, named)):
            return named
        with backend.db.connect() as connection:
            began_at = rate_limits.find_window(connection, named)
    left_millis = (began_at or 0) + limit.window_seconds * _SECOND - unix_millis(backend.clock.now())
    seconds = max(1, min(limit.window_seconds, -(-left_millis // _SECOND)))
    msg = f"too many tries; wait {_spoken(seconds)} and try again"
    raise TooManyRequests(msg, retry_after_seconds=seconds)


def _is_counted(backend: Backend, limit: Limit, named: str) -> bool:
    now = unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        window = limit.window_seconds * _SECOND
        if rate_limits.count(connection, named, now_millis=now, window_millis=window, tries=limit.tries):
            return True
        try:
            rate_limits.add(connection, named, now)
        except Exception as error:
            if is_duplicate(error):
                return False
            raise
    return True


def _spoken(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return "a minute" if minutes == 1 else f"{minutes} minutes"
