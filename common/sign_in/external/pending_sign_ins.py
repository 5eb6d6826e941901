"""Sign-ins on their way: each belongs to one browser and one provider, ends within minutes, and is taken once."""

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
from common.sign_in.model import Flow, Pending, Secrets

OPEN_FOR = timedelta(minutes=10)
BATCH = 500
_GONE = (
    "this sign-in was begun in another browser or too long ago, or it is over already; begin again, and let the browser keep "
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
    """Store a sign-in of a browser, which is known by its visit, and return its secrets; `user_id` links to that user.

    TooManyRequests when as many were begun from the network address `client` a short time ago.
    """
    # No permission check in this module: whoever signs in is nobody yet.
    rate_limits.take(backend, (rate_limits.PROVIDER_OF_CLIENT, rate_limits.client_subject(client)))
    # 32 random bytes each, in the alphabet that PKCE allows (RFC 7636, 4.1).
    made = Secrets(state=secrets.token_urlsafe(32), verifier=secrets.token_urlsafe(48), nonce=secrets.token_urlsafe(32))
    pending = Pending(made.verifier, made.nonce, return_to, user_id)
    with backend.db.connect() as connection:
        expires_at = unix_millis(backend.clock.now() + OPEN_FOR)
        pending_sign_ins.add(connection, _flow(provider, browser, made.state), pending, expires_at)
    return made


def take(backend: Backend, provider: str, browser: str, state: str) -> Pending:
    """Return a browser's sign-in with a provider and end it; BadRequest when it is none, another's, over or too old."""

    def attempt() -> Pending:
        with backend.db.begin() as tx:
            return end(tx, provider, browser, state, backend.clock.now())

    return retry(attempt)


def end(tx: Connection, provider: str, browser: str, state: str, now: datetime) -> Pending:
    """Return the same and end it with its caller's use case: a step."""
    flow = _flow(provider, browser, state)
    found = pending_sign_ins.find(tx, flow, unix_millis(now))
    if found is None or not pending_sign_ins.remove(tx, flow):
        raise BadRequest(_GONE)
    return found


def forget_expired(backend: Backend) -> int:
    """Delete some of the sign-ins that never came back, and return how many."""
    with backend.db.connect() as connection:
        return pending_sign_ins.forget(connection, unix_millis(backend.clock.now()), BATCH)


def _flow(provider: str, browser: str, state: str) -> Flow:
    return Flow(provider, *(sha256(text.encode("utf-8", "replace")).hexdigest() for text in (state, browser)))
