"""Links that are sent by mail: a secret each, kept as a hash, good once and for a time."""

import secrets
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import NotFound
from common.sign_in.accounts.repository import one_time_links
from common.sign_in.accounts.repository.one_time_links import Link

_BYTES = 32


class LinkPurpose(StrEnum):
    """What a link does."""

    VERIFY = "verify"
    RESET = "reset"


OPEN_FOR = {LinkPurpose.VERIFY: timedelta(days=3), LinkPurpose.RESET: timedelta(hours=1)}


def make(tx: Connection, backend: Backend, purpose: LinkPurpose, link: Link) -> str:
    """Make a link and return its secret, which is kept nowhere: a step."""
    token = secrets.token_urlsafe(_BYTES)
    now = backend.clock.now()
    expires_at = unix_millis(now + OPEN_FOR[purpose])
    one_time_links.add(tx, _hash(token), purpose, link, now_millis=unix_millis(now), expires_at=expires_at)
    return token


def get(connection: Connection, backend: Backend, purpose: LinkPurpose, token: str) -> Link:
    """Return what a link is for and leave it good, a step; raises NotFound for one that is used, expired or none."""
    found = one_time_links.find(connection, _hash(token), purpose, unix_millis(backend.clock.now()))
    if found is None:
        raise no_link()
    return found


def use(tx: Connection, backend: Backend, purpose: LinkPurpose, token: str) -> Link:
    """Use a link up and return what it was for, a step; raises NotFound as `get`."""
    found = get(tx, backend, purpose, token)
    if not one_time_links.remove(tx, _hash(token)):
        raise no_link()
    return found


def revoke_of_user(tx: Connection, user_id: str) -> None:
    """Make all links of a user useless, a step."""
    one_time_links.remove_of_user(tx, user_id)


def no_link() -> NotFound:
    """Return the error for a link that is not good, whatever the reason."""
    return NotFound("this link was used, has expired or was replaced; ask for a new one")


def _hash(token: str) -> str:
    # A plain hash is enough: a link has 256 random bits.
    return sha256(token.encode("utf-8", "replace")).hexdigest()
