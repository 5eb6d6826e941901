"""Sessions of browsers: a secret in a signed cookie, stored as a hash beside the access tokens, so that one query finds both.

A session ends when it expires, when its user signs out, and when all sessions of the user are revoked, in every process at once.
"""

from datetime import timedelta

from sqlalchemy import Connection

from common.access import authentication as access
from common.access import tokens
from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.telemetry.instruments import SIGN_INS


def start(tx: Connection, backend: Backend, user_id: str, *, provider: str, client: str = "") -> str:
    """Start a session of a person who has just signed in, and return its secret: a step.

    `provider` says how they signed in: an identity provider as in `identities`, `password` or `token`. Make the cookie with
    `service.cookie` after the transaction has ended, because the key for it may have to be fetched. The sign-in is recorded in
    the audit log of each organization of the person, with the network address `client`.
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
    backend.telemetry.record(SIGN_INS, 1, "ok")
    description = f"Signed in ({'SAML' if provider.startswith('saml:') else provider})"
    audit.record_for_user(tx, backend, user_id, Event.USER_LOGIN, description=description, client=client)
    return issued.text
