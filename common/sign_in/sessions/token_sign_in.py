"""Signing in a browser with a personal access token: how the first administrator gets in, with the bootstrap token.

The session it makes can do nothing that the token cannot: a token may make further tokens too. It ends by itself, or with the
person's other sessions, not with the token.
"""

from common.access import authentication as access
from common.backend import Backend
from common.core.errors import Forbidden, Unauthorized
from common.db.retry import retry
from common.sign_in import rate_limits
from common.sign_in.sessions import sessions

_REFUSAL = "this is no access token that is good; copy it once more, all of it"


def sign_in(backend: Backend, text: str, *, client: str) -> str:
    """Return the secret of a fresh session of the person whose own token this is; `client` is a network address.

    Raises Unauthorized for what is no good token, Forbidden for one of a machine or one that was given for an identity token,
    TooManyRequests after many of these from one place.
    """
    # No permission check: the token is what says who asks.
    taken = rate_limits.take(backend, (rate_limits.SIGN_IN_OF_CLIENT, rate_limits.client_subject(client)))
    try:
        caller = access.authenticate(backend, f"token {text}")
    except Unauthorized as error:
        raise Unauthorized(_REFUSAL) from error
    if not caller.is_themselves:
        msg = "this token is not a person's own; sign in with one that you made for yourself"
        raise Forbidden(msg)

    def start() -> str:
        with backend.db.begin() as tx:
            return sessions.start(tx, backend, caller.user_id, provider="token")

    session = retry(start)
    rate_limits.give_back(backend, taken)
    return session
