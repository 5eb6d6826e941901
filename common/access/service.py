"""Access tokens: made, stored as hashes, shown once, and turned into callers."""

import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection

from common.access import repository
from common.access.caller import Caller
from common.backend import Backend
from common.clock import unix_millis
from common.errors import Unauthorized
from common.ids import new_id

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

    What cannot be a token is refused without a query. The look-up is by hash, so its time says nothing about stored tokens.
    """
    header = _HEADER.fullmatch(authorization)
    if header is None or not is_token(header[1]):
        raise Unauthorized(_REFUSAL)
    with backend.db.connect() as connection:
        caller = repository.find_caller(connection, _hash(header[1]), unix_millis(backend.clock.now()))
    if caller is None:
        raise Unauthorized(_REFUSAL)
    return caller


def is_token(text: str) -> bool:
    """Tell whether a text has the form of an access token."""
    return _TOKEN.fullmatch(text) is not None


def new_token() -> str:
    """Return the text of a fresh token: 160 random bits in upstream's form."""
    return f"pul-{secrets.token_hex(20)}"


def issue_token(
    tx: Connection,
    *,
    user_id: str,
    name: str,
    description: str,
    now: datetime,
    expires_at: datetime | None = None,
    text: str | None = None,
) -> IssuedToken:
    """Store the hash of a token, a fresh one unless its text is given, and return it: a step of its caller's use case."""
    token = IssuedToken(new_id(), text or new_token())
    repository.add_token(
        tx,
        token_id=token.id,
        token_hash=_hash(token.text),
        user_id=user_id,
        name=name,
        description=description,
        now_millis=unix_millis(now),
        expires_at=unix_millis(expires_at) if expires_at is not None else None,
    )
    return token


def find_owner(tx: Connection, text: str) -> str | None:
    """Return the id of the user who owns the token with this text, or None: a step of its caller's use case."""
    return repository.find_owner(tx, _hash(text))


def _hash(token: str) -> str:
    # A plain hash is enough: a token has 160 random bits, so it cannot be guessed from its hash as a password can.
    return sha256(token.encode()).hexdigest()
