"""Returns the caller of an access token or of a browser's session."""

import re
from contextlib import suppress

from sqlalchemy import Connection

from common.access.model import TokenOwner
from common.access.repository import tokens
from common.access.tokens import hash_of, is_token
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import Unauthorized, Unavailable
from common.rights.caller import Caller, TokenKind

__all__ = ["TokenOwner", "authenticate", "authenticate_session", "find_caller", "is_revoked"]
# A token's last use is stored at most this often.
LAST_USED_MILLIS = 15 * 60_000
_HEADER = re.compile(r"\s*token\s+(\S+)\s*", re.IGNORECASE | re.ASCII)
# The client's own text for this status (state.md 1.4), so that people find it when they search for it.
_REFUSAL = "No credentials provided or are invalid."


def authenticate(backend: Backend, authorization: str) -> Caller:
    """Return the caller of an Authorization header `token <T>`, in one statement; raises Unauthorized.

    The secret of a browser's session is refused: it is valid in its cookie alone.

    A text that cannot be a token is refused without a query. The look-up is by hash, so its time reveals nothing about stored
    tokens. A second statement, every quarter of an hour for a token in use, stores when it was used.
    """
    header = _HEADER.fullmatch(authorization)
    if header is None or not is_token(header[1]):
        raise Unauthorized(_REFUSAL)
    return _require(backend, header[1], is_session=False)


def authenticate_session(backend: Backend, text: str) -> Caller:
    """Return the caller of a browser's session by its secret; raises Unauthorized."""
    if not is_token(text):
        raise Unauthorized(_REFUSAL)
    return _require(backend, text, is_session=True)


def _require(backend: Backend, text: str, *, is_session: bool) -> Caller:
    now_millis = unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        token = tokens.find_caller(connection, hash_of(text), now_millis)
    if token is None or (token.caller.token_kind is TokenKind.SESSION) is not is_session:
        raise Unauthorized(_REFUSAL)
    if token.last_used_at is None or now_millis - token.last_used_at > LAST_USED_MILLIS:
        # A read-only database still authenticates callers; a later request stores the last use.
        with suppress(Unavailable), backend.db.connect() as connection:
            tokens.record_use(connection, token.caller.token_id, token.last_used_at, now_millis)
    return token.caller


def find_caller(connection: Connection, token_id: str, now_millis: int) -> Caller | None:
    """Return the caller of a token by its id, expired or not; None for a revoked or unknown token."""
    return tokens.find_caller_by_id(connection, token_id, now_millis)


def is_revoked(connection: Connection, token_id: str) -> bool:
    """Tell whether a token was revoked."""
    return tokens.is_revoked(connection, token_id)
