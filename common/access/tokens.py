"""Access tokens are stored as hashes and shown once. Steps that join their caller's transaction."""

import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection

from common.access.model import Session, TokenOwner
from common.access.repository import tokens
from common.core.clock import unix_millis
from common.core.ids import new_id
from common.rights.caller import TokenKind

TOKEN_FORM = "`pul-` and 40 hexadecimal digits"  # noqa: S105 - describes tokens
_TOKEN = re.compile(r"pul-[0-9a-fA-F]{40}")


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token with its text, which is not stored."""

    id: str
    text: str = field(repr=False)


def is_token(text: str) -> bool:
    """Tell whether a text has the form of an access token."""
    return _TOKEN.fullmatch(text) is not None


def new_token() -> str:
    """Return the text of a new token: 160 random bits in upstream's form."""
    return f"pul-{secrets.token_hex(20)}"


def issue_token(
    tx: Connection,
    owner: TokenOwner,
    *,
    name: str,
    description: str,
    created_by: str,
    now: datetime,
    expires_at: datetime | None = None,
    text: str | None = None,
) -> IssuedToken:
    """Store the hash of a token and return the token; its text is new unless `text` is set."""
    token = IssuedToken(new_id(), text or new_token())
    tokens.add_token(
        tx,
        owner,
        token_id=token.id,
        token_hash=hash_of(token.text),
        name=name,
        description=description,
        created_by=created_by,
        now_millis=unix_millis(now),
        expires_at=unix_millis(expires_at) if expires_at is not None else None,
    )
    return token


def revoke_token(tx: Connection, token_id: str, kind: TokenKind, owner_id: str, now: datetime) -> bool:
    """Revoke a token of a user, organization or team at once, everywhere.

    False for an unknown or revoked token.
    """
    return tokens.revoke(tx, tokens.of_token(token_id, kind, owner_id), unix_millis(now)) == 1


def revoke_tokens_of_team(tx: Connection, team_id: str, now: datetime) -> None:
    """Revoke all tokens of a team."""
    tokens.revoke(tx, tokens.of_team(team_id), unix_millis(now))


def revoke_tokens_of_role(tx: Connection, role_id: str, now: datetime) -> None:
    """Revoke all tokens that were created with a role."""
    tokens.revoke(tx, tokens.of_role(role_id), unix_millis(now))


def revoke_sessions(tx: Connection, user_id: str, now: datetime) -> None:
    """Revoke all sessions of a user."""
    tokens.revoke(tx, tokens.of_sessions(user_id), unix_millis(now))


def revoke_other_sessions(tx: Connection, user_id: str, token_id: str, now: datetime) -> None:
    """Revoke all sessions of a user but one."""
    tokens.revoke(tx, tokens.of_other_sessions(user_id, token_id), unix_millis(now))


def list_sessions(connection: Connection, user_id: str, now: datetime, limit: int) -> list[Session]:
    """Return the open sessions of a user, newest first."""
    return tokens.list_sessions(connection, user_id, unix_millis(now), limit)


def revoke_all_of_user(tx: Connection, user_id: str, now: datetime) -> None:
    """Revoke all tokens and sessions of a user."""
    tokens.revoke(tx, tokens.of_user(user_id), unix_millis(now))


def revoke_of_member(tx: Connection, user_id: str, org_id: str, provider: str, now: datetime) -> None:
    """Revoke a member's exchanged tokens of an organization, and their sessions through its SAML provider."""
    tokens.revoke(tx, tokens.of_member(user_id, org_id, provider), unix_millis(now))


def revoke_tokens_of_issuer(tx: Connection, issuer_id: str, now: datetime) -> None:
    """Revoke all tokens that were exchanged for an issuer's identity tokens."""
    tokens.revoke(tx, tokens.of_issuer(issuer_id), unix_millis(now))


def revoke_tokens(tx: Connection, token_ids: Collection[str], now: datetime) -> None:
    """Revoke tokens by their ids; the caller has checked their owner."""
    tokens.revoke(tx, tokens.of_ids(token_ids), unix_millis(now))


def is_any_used(connection: Connection) -> bool:
    """Tell whether an access token was used or a browser is signed in, of any user."""
    return tokens.is_any_used(connection)


def find_owner(tx: Connection, text: str) -> str | None:
    """Return the id of the user who owns the token with this text, or None."""
    return tokens.find_owner(tx, hash_of(text))


def hash_of(token: str) -> str:
    """Return the hash that is stored of a token."""
    # A plain hash is enough: a token has 160 random bits, so it cannot be guessed from its hash as a password can.
    return sha256(token.encode()).hexdigest()
