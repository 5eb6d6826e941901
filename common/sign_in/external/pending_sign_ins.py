"""Sign-ins that were sent to a provider: each is for one browser and one provider, expires in minutes, and is used once."""

import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest
from common.db.retry import retry
from common.sign_in import rate_limits
from common.sign_in.external.repository import pending_sign_ins
from common.sign_in.model import PendingSignIn, Secrets, SignInKey

LIFETIME = timedelta(minutes=10)
_INVALID = (
    "this sign-in was started in another browser, too long ago, or is finished already; start again, and let the browser keep "
    "cookies of this site"
)


def begin(
    backend: Backend,
    provider: str,
    browser: str,
    *,
    return_to: str,
    client: str,
    user_id: str | None = None,
) -> Secrets:
    """Store a sign-in of a browser, which its visit identifies, and return its secrets; `user_id` links to that user.

    TooManyRequests if too many sign-ins were started from the network address `client`.
    """
    # No permission check in this module: the person is not known yet.
    rate_limits.count(backend, (rate_limits.PROVIDER_OF_CLIENT, rate_limits.client_subject(client)))
    # 32 random bytes each, in the alphabet that PKCE allows (RFC 7636, 4.1).
    new = Secrets(state=secrets.token_urlsafe(32), verifier=secrets.token_urlsafe(48), nonce=secrets.token_urlsafe(32))
    pending = PendingSignIn(new.verifier, new.nonce, return_to, user_id)
    with backend.db.connect() as connection:
        expires_at = unix_millis(backend.clock.now() + LIFETIME)
        pending_sign_ins.create(connection, _key(provider, browser, new.state), pending, expires_at)
    return new


def take(backend: Backend, provider: str, browser: str, state: str) -> PendingSignIn:
    """Return a pending sign-in and end it; BadRequest if it is unknown, finished, expired, or another browser's."""

    def attempt() -> PendingSignIn:
        with backend.db.begin() as tx:
            pending = get(tx, provider, browser, state, backend.clock.now())
            delete(tx, provider, browser, state)
            return pending

    return retry(attempt)


def get(connection: Connection, provider: str, browser: str, state: str, now: datetime) -> PendingSignIn:
    """Return a pending sign-in, a step; BadRequest as in `take`."""
    pending = pending_sign_ins.find(connection, _key(provider, browser, state), unix_millis(now))
    if pending is None:
        raise BadRequest(_INVALID)
    return pending


def delete(tx: Connection, provider: str, browser: str, state: str) -> None:
    """End a pending sign-in, a step; BadRequest if another request has ended it."""
    if not pending_sign_ins.delete_sign_in(tx, _key(provider, browser, state)):
        raise BadRequest(_INVALID)


def _key(provider: str, browser: str, state: str) -> SignInKey:
    return SignInKey(provider, *(sha256(text.encode("utf-8", "replace")).hexdigest() for text in (state, browser)))
