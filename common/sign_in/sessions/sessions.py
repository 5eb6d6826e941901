"""Sessions of browsers: a secret in a signed cookie, kept as a hash beside the access tokens, so that one query finds either.

A session ends with its time, with a sign-out, and with everything that revokes a person's sessions, at once and everywhere.
"""

import hmac
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import Connection

from common.access import authentication as access
from common.access import tokens
from common.backend import Backend
from common.core.errors import Unauthorized
from common.crypto.service_keys import service_key
from common.db.retry import retry
from common.rights.caller import Caller, TokenKind

_NO_SESSION = "sign in first"


def start(tx: Connection, backend: Backend, user_id: str, *, provider: str) -> str:
    """Begin a session of a person who has just shown who they are, and return its secret: a step.

    `provider` says how: an identity provider as in `identities`, `password` or `token`. What a browser gets is made of the
    secret by `cookie`, when the transaction is over: the key for it may have to be fetched.
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


def cookie(backend: Backend, secret: str) -> str:
    """Return the value of the cookie of a session with this secret."""
    # No permission check: whoever has the secret has the session.
    return f"{secret}.{_signature(backend, secret)}"


def authenticate(backend: Backend, value: str) -> Caller:
    """Return who a session's cookie belongs to, in one statement; raises Unauthorized. A forged one costs no query."""
    text, _, signature = value.partition(".")
    if not hmac.compare_digest(_signature(backend, text).encode(), signature.encode("utf-8", "replace")):
        raise Unauthorized(_NO_SESSION)
    return access.authenticate_session(backend, text)


def end(backend: Backend, caller: Caller) -> None:
    """End the caller's session; nothing happens when it has ended."""
    # No permission check: it is the caller's own.

    def revoke() -> None:
        with backend.db.begin() as tx:
            tokens.revoke_token(tx, caller.token_id, TokenKind.SESSION, caller.user_id, backend.clock.now())

    retry(revoke)


def form_key(backend: Backend, subject: str) -> str:
    """Return the text that a page puts into its forms and takes back from them alone, bound to a session or a visit."""
    return hmac.new(service_key(backend, "forms"), subject.encode(), sha256).hexdigest()


def _signature(backend: Backend, text: str) -> str:
    return hmac.new(service_key(backend, "session"), text.encode("utf-8", "replace"), sha256).hexdigest()
