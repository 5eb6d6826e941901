"""Sessions of browsers: sign-in with an access token, the cookie, sign-out and form keys.

The first administrator signs in with the bootstrap token. A session that starts with a token cannot do more than the token,
which may create tokens too. It ends when it expires or with the person's other sessions, not with the token.
"""

import hmac
from hashlib import sha256

from common.access import authentication as access
from common.access import tokens
from common.access.model import Session
from common.backend import Backend
from common.core.errors import Forbidden, NotFound, Unauthorized
from common.core.ids import is_id
from common.crypto.service_keys import service_key
from common.db.retry import retry
from common.rights.caller import Caller, TokenKind
from common.sign_in import rate_limits
from common.sign_in.sessions import steps

LIST_LIMIT = 100
_NO_SESSION = "sign in first"
_INVALID_TOKEN = "this access token is not valid; copy the whole token again"  # noqa: S105 - a sentence


def sign_in_with_token(backend: Backend, text: str, *, client: str) -> str:
    """Return the secret of a new session for the person with this access token; `client` is their network address.

    Raises Unauthorized if the token is not valid, Forbidden if it belongs to a machine or was issued for an identity token,
    TooManyRequests after many invalid ones from one network address.
    """
    # No permission check: the token says who the caller is.
    counted = rate_limits.count(backend, (rate_limits.SIGN_IN_OF_CLIENT, rate_limits.client_subject(client)))
    try:
        caller = access.authenticate(backend, f"token {text}")
    except Unauthorized as error:
        raise Unauthorized(_INVALID_TOKEN) from error
    if not caller.is_themselves:
        raise Forbidden("this is not a personal access token; sign in with one that you created for yourself")

    def start() -> str:
        with backend.db.begin() as tx:
            return steps.start(tx, backend, caller.user_id, provider="token", client=client)

    session = retry(start)
    rate_limits.refund(backend, counted)
    return session


def cookie(backend: Backend, secret: str) -> str:
    """Return the value of the cookie for a session with this secret."""
    # No permission check: the secret is the session.
    return f"{secret}.{_signature(backend, secret)}"


def authenticate(backend: Backend, value: str) -> Caller:
    """Return the caller of a session cookie, in one statement; raises Unauthorized. A forged cookie costs no query."""
    text, _, signature = value.partition(".")
    if not hmac.compare_digest(_signature(backend, text).encode(), signature.encode("utf-8", "replace")):
        raise Unauthorized(_NO_SESSION)
    return access.authenticate_session(backend, text)


def end(backend: Backend, caller: Caller) -> None:
    """End the caller's session; nothing happens if it has ended."""
    # No permission check: it is the caller's own.

    def revoke() -> None:
        with backend.db.begin() as tx:
            tokens.revoke_token(tx, caller.token_id, TokenKind.SESSION, caller.user_id, backend.clock.now())

    retry(revoke)


def list_sessions(backend: Backend, caller: Caller) -> list[Session]:
    """Return the caller's open sessions, newest first."""
    # No permission check here and in the two below: they are the caller's own.
    with backend.db.connect() as connection:
        return tokens.list_sessions(connection, caller.user_id, backend.clock.now(), LIST_LIMIT)


def revoke_session(backend: Backend, caller: Caller, session_id: str) -> None:
    """Revoke one of the caller's sessions; NotFound for an unknown one."""

    def revoke() -> bool:
        with backend.db.begin() as tx:
            return tokens.revoke_token(tx, session_id, TokenKind.SESSION, caller.user_id, backend.clock.now())

    if not is_id(session_id) or not retry(revoke):
        raise NotFound("this session does not exist, or it has ended")


def revoke_other_sessions(backend: Backend, caller: Caller) -> None:
    """Revoke all sessions of the caller but the one that calls."""

    def revoke() -> None:
        with backend.db.begin() as tx:
            tokens.revoke_other_sessions(tx, caller.user_id, caller.token_id, backend.clock.now())

    retry(revoke)


def form_key(backend: Backend, subject: str) -> str:
    """Return the text that a page puts into its forms and requires when they are sent, for one session or visit."""
    return hmac.new(service_key(backend, "forms"), subject.encode(), sha256).hexdigest()


def _signature(backend: Backend, text: str) -> str:
    return hmac.new(service_key(backend, "session"), text.encode("utf-8", "replace"), sha256).hexdigest()
