"""Sessions of browsers: a secret in a signed cookie, stored as a hash beside the access tokens, so that one query finds both.

A session ends when it expires, when its user signs out, and when all sessions of the user are revoked, in every process at once.
"""

from datetime import timedelta

from sqlalchemy import Connection

from common.access import authentication as access
from common.access import tokens
from common.backend import Backend


def start(tx: Connection, backend: Backend, user_id: str, *, provider: str) -> str:
    """Start a session of a person who has just signed in, and return its secret: a step.

    `provider` says how they signed in: an identity provider as in `identities`, `password` or `token`. Make the cookie with
    `service.cookie` after the transaction has ended, because the key for it may have to be fetched.
    """
    now = backend.clock.now()
    hours = backend.settings.session_hours
    owner = access.TokenOwner(user_id, is_session=True)
    issued = tokens.issue_token(
        tx,
        owner,
        name=provider,
        description="",
        created_by=user_id,
        now=now,
        expires_at=now + timedelta(hours=hours),
    )
    return issued.text
