"""Links that are sent by mail or printed for the operator. Each has a secret, stored as a hash, works once, and expires."""

import secrets
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import NotFound
from common.sign_in.accounts.model import Link, LinkPurpose
from common.sign_in.accounts.repository import one_time_links

_SECRET_BYTES = 32
LIFETIME = {LinkPurpose.VERIFY: timedelta(days=3), LinkPurpose.RESET: timedelta(hours=1), LinkPurpose.SIGN_IN: timedelta(hours=1)}


def create(tx: Connection, backend: Backend, purpose: LinkPurpose, link: Link) -> str:
    """Create a link and return its secret, which is not stored: a step."""
    token = secrets.token_urlsafe(_SECRET_BYTES)
    now = backend.clock.now()
    expires_at = unix_millis(now + LIFETIME[purpose])
    one_time_links.create(tx, _hash(token), purpose, link, now_millis=unix_millis(now), expires_at=expires_at)
    return token


def get(connection: Connection, backend: Backend, purpose: LinkPurpose, token: str) -> Link:
    """Return a link without using it up, a step; raises NotFound if it is used, expired or unknown."""
    link = one_time_links.find(connection, _hash(token), purpose, unix_millis(backend.clock.now()))
    if link is None:
        raise invalid_link()
    return link


def use(tx: Connection, backend: Backend, purpose: LinkPurpose, token: str) -> Link:
    """Return a link and use it up, a step; raises NotFound as `get` does."""
    link = get(tx, backend, purpose, token)
    if not one_time_links.delete_link(tx, _hash(token)):
        raise invalid_link()
    return link


def revoke_of_user(tx: Connection, user_id: str) -> None:
    """Revoke all links of a user: a step."""
    one_time_links.delete_of_user(tx, user_id)


def invalid_link() -> NotFound:
    """Return the error for a link that does not work, for whatever reason."""
    return NotFound("this link was used, has expired or was replaced; ask for a new one")


def _hash(token: str) -> str:
    # A plain hash is enough: a link has 256 random bits.
    return sha256(token.encode("utf-8", "replace")).hexdigest()
