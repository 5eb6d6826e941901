"""Access tokens: made, stored as hashes, shown once, and turned into callers."""

import re
import secrets
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection

from common.access.repository import tokens
from common.access.repository.tokens import TokenOwner
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import Unauthorized, Unavailable
from common.core.ids import new_id
from common.rights.caller import Caller, TokenKind

__all__ = [
    "IssuedToken", "TokenOwner", "authenticate", "authenticate_session", "find_caller", "find_owner", "hash_of", "is_revoked",
    "is_token", "issue_token", "new_token", "revoke_all_of_user", "revoke_sessions", "revoke_token", "revoke_tokens",
    "revoke_tokens_of_issuer",
    "revoke_tokens_of_role", "revoke_tokens_of_team",
]  # fmt: skip
# How coarse the note of a token's last use is.
LAST_USED_MILLIS = 15 * 60_000
TOKEN_FORM = "`pul-` and 40 hexadecimal digits"  # noqa: S105 - says how a token looks
_TOKEN = re.compile(r"pul-[0-9a-fA-F]{40}")
_HEADER = re.compile(r"\s*token\s+(\S+)\s*", re.IGNORECASE | re.ASCII)
# The client's own text for this status (state.md 1.4), so that people find it when they search for it.
_REFUSAL = "No credentials provided or are invalid."


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token at the one moment when its text is known."""

    id: str
    text: str = field(repr=False)


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
            tokens.touch_token(connection, found.caller.token_id, found.last_used_at, now_millis)
    return found.caller


def find_caller(connection: Connection, token_id: str, now_millis: int) -> Caller | None:
    """Return who a token belongs to, by its id, also once it has expired; None when it was revoked or is gone."""
    return tokens.find_caller_by_id(connection, token_id, now_millis)


def is_revoked(connection: Connection, token_id: str) -> bool:
    """Tell whether a token was revoked."""
    return tokens.is_revoked(connection, token_id)


def is_token(text: str) -> bool:
    """Tell whether a text has the form of an access token."""
    return _TOKEN.fullmatch(text) is not None


def new_token() -> str:
    """Return the text of a fresh token: 160 random bits in upstream's form."""
    return f"pul-{secrets.token_hex(20)}"


def issue_token(
    tx: Connection, owner: TokenOwner, *, name: str, description: str, created_by: str, now: datetime,
    expires_at: datetime | None = None, text: str | None = None,
) -> IssuedToken:  # fmt: skip
    """Store the hash of a token, a fresh one unless its text is given, and return it: a step of its caller's use case."""
    token = IssuedToken(new_id(), text or new_token())
    tokens.add_token(
        tx, owner, token_id=token.id, token_hash=hash_of(token.text), name=name, description=description, created_by=created_by,
        now_millis=unix_millis(now), expires_at=unix_millis(expires_at) if expires_at is not None else None,
    )  # fmt: skip
    return token


def revoke_token(tx: Connection, token_id: str, kind: TokenKind, owner_id: str, now: datetime) -> bool:
    """Revoke a token of a person, organization or team at once, everywhere: a step of its caller's use case.

    False when they have no such token, or it was revoked before.
    """
    return tokens.revoke(tx, tokens.of_token(token_id, kind, owner_id), unix_millis(now)) == 1


def revoke_tokens_of_team(tx: Connection, team_id: str, now: datetime) -> None:
    """Revoke all tokens of a team: a step of its caller's use case."""
    tokens.revoke(tx, tokens.of_team(team_id), unix_millis(now))


def revoke_tokens_of_role(tx: Connection, role_id: str, now: datetime) -> None:
    """Revoke all tokens that have a role of their own, this one: a step of its caller's use case."""
    tokens.revoke(tx, tokens.of_role(role_id), unix_millis(now))


def revoke_sessions(tx: Connection, user_id: str, now: datetime) -> None:
    """Sign a person's browsers out: a step of its caller's use case."""
    tokens.revoke(tx, tokens.of_sessions(user_id), unix_millis(now))


def revoke_all_of_user(tx: Connection, user_id: str, now: datetime) -> None:
    """Revoke everything that a person can be let in with, tokens and sessions: a step of its caller's use case."""
    tokens.revoke(tx, tokens.of_user(user_id), unix_millis(now))


def revoke_of_member(tx: Connection, user_id: str, org_id: str, provider: str, now: datetime) -> None:
    """Revoke what a person was given by way of an organization, a step: for identity tokens, and through its SAML provider."""
    tokens.revoke(tx, tokens.of_member(user_id, org_id, provider), unix_millis(now))


def revoke_tokens_of_issuer(tx: Connection, issuer_id: str, now: datetime) -> None:
    """Revoke all tokens that were given for identity tokens of an issuer: a step of its caller's use case."""
    tokens.revoke(tx, tokens.of_issuer(issuer_id), unix_millis(now))


def revoke_tokens(tx: Connection, token_ids: Collection[str], now: datetime) -> None:
    """Revoke tokens by their ids: a step of its caller's use case, which knows whose they are."""
    tokens.revoke(tx, tokens.of_ids(token_ids), unix_millis(now))


def find_owner(tx: Connection, text: str) -> str | None:
    """Return the id of the user who owns the token with this text, or None: a step of its caller's use case."""
    return tokens.find_owner(tx, hash_of(text))


def hash_of(token: str) -> str:
    """Return what is stored of a token."""
    # A plain hash is enough: a token has 160 random bits, so it cannot be guessed from its hash as a password can.
    return sha256(token.encode()).hexdigest()
