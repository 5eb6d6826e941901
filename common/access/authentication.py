"""Access tokens: made, stored as hashes, shown once, and turned into callers."""

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
# How coarse the note of a token's last use is.
LAST_USED_MILLIS = 15 * 60_000
_HEADER = re.compile(r"\s*token\s+(\S+)\s*", re.IGNORECASE | re.ASCII)
# The client's own text for this status (state.md 1.4), so that people find it when they search for it.
_REFUSAL = "No credentials provided or are invalid."


def authenticate(backend: Backend, authorization: str) -> Caller:
    """Return who an Authorization header `token <T>` belongs to, in one statement; raises Unauthorized.

    The secret of a browser's session is none: it is good in its cookie alone.

    What cannot be a token is refused without a query. The look-up is by hash, so its time says nothing about stored tokens.
    A second statement, every quarter of an hour for a token in use, notes when it was used.
    """
    header = _HEADER.fullmatch(authorization)
    if header is None or not is_token(header[1]):
        raise Unauthorized(_REFUSAL)
    return _require(backend, header[1], is_session=False)


def authenticate_session(backend: Backend, text: str) -> Caller:
    """Return who a browser's session belongs to, by its secret, as `authenticate` does for tokens; raises Unauthorized."""
    if not is_token(text):
        raise Unauthorized(_REFUSAL)
    return _require(backend, text, is_session=True)


def _require(backend: Backend, text: str, *, is_session: bool) -> Caller:
    now_millis = unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        found = tokens.find_caller(connection, hash_of(text), now_millis)
    if found is None or (found.caller.token_kind is TokenKind.SESSION) is not is_session:
        raise Unauthorized(_REFUSAL)
    if found.last_used_at is None or now_millis - found.last_used_at > LAST_USED_MILLIS:
        # A database that takes no writes just now still answers who calls; the next request makes the note.
        with suppress(Unavailable), backend.db.connect() as connection:
            tokens.record_use(connection, found.caller.token_id, found.last_used_at, now_millis)
    return found.caller


def find_caller(connection: Connection, token_id: str, now_millis: int) -> Caller | None:
    """Return who a token belongs to, by its id, also once it has expired; None when it was revoked or is gone."""
    return tokens.find_caller_by_id(connection, token_id, now_millis)


def is_revoked(connection: Connection, token_id: str) -> bool:
    """Tell whether a token was revoked."""
    return tokens.is_revoked(connection, token_id)
