"""Opened environments: steps that store the result of an evaluation and read it again.

The id of a session is random, and knowing it is not enough: it is the opener's. The table has only its hash, and the result is
encrypted with a key that is derived from the id and a key of the service, so that the database alone opens nothing.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.durations import DURATION_LIMIT, find_seconds
from common.core.errors import BadRequest, NotFound
from common.crypto import service_keys
from common.crypto.envelope import Envelope
from common.environments.repository import sessions
from common.environments.repository.sessions import SessionRow
from common.rights.caller import Caller

DURATION_DEFAULT_SECONDS = 2 * 3600
DURATION_LIMIT_SECONDS = 24 * 3600
_KEY_NAME = "environment-session"
_ID_BYTES = 32
_ID_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Session:
    """What a session is of: an organization, and an environment or None for a document that is not stored."""

    org_id: str
    environment_id: str | None


def seconds_of(duration: str | None) -> int:
    """Return how long a session lasts, two hours unless a client asks for another time; BadRequest for no duration."""
    if not duration:
        return DURATION_DEFAULT_SECONDS
    seconds = find_seconds(duration)
    if seconds is None:
        raise BadRequest(f"{duration[:DURATION_LIMIT]!a} is not a duration such as 2h0m0s")
    return min(seconds, DURATION_LIMIT_SECONDS)


def text_of(seconds: int) -> str:
    """Return a duration as Go writes it, `2h0m0s`: the value of `context.pulumi.openDuration`."""
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours}h{minutes}m{seconds % 60}s" if hours else f"{minutes}m{seconds % 60}s" if minutes else f"{seconds}s"


def service_key(backend: Backend) -> bytes:
    """Return the key that results are encrypted with, before a transaction that adds a session begins."""
    return service_keys.service_key(backend, _KEY_NAME)


def add(  # noqa: PLR0917 - what a session consists of
    tx: Connection, backend: Backend, caller: Caller, session: Session, key: bytes, result: bytes, seconds: int
) -> str:
    """Store a result for as long as the session lasts, and return the session's id."""
    session_id, now_millis = secrets.token_hex(_ID_BYTES), unix_millis(backend.clock.now())
    id_hash = _hash(session_id)
    row = SessionRow(
        id_hash=id_hash,
        org_id=session.org_id,
        environment_id=session.environment_id,
        user_id=caller.user_id,
        sealed=_envelope(key, session_id, id_hash).seal(result),
        created_at=now_millis,
        expires_at=now_millis + seconds * 1000,
    )
    sessions.add(tx, row)
    return session_id


def read(backend: Backend, caller: Caller, session: Session, session_id: str) -> bytes:
    """Return the stored result. NotFound for another user's, an expired or unknown session, and for one of something else."""
    row = None
    if len(session_id) == _ID_LENGTH and session_id.isascii():
        with backend.db.connect() as connection:
            row = sessions.find(connection, _hash(session_id), caller.user_id, unix_millis(backend.clock.now()))
    if row is None or (row.org_id, row.environment_id) != (session.org_id, session.environment_id):
        raise NotFound("the opened environment does not exist, or has expired")
    return _envelope(service_key(backend), session_id, row.id_hash).open(row.sealed)


def _hash(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()


def _envelope(key: bytes, session_id: str, id_hash: str) -> Envelope:
    return Envelope(hmac.digest(key, session_id.encode(), "sha256"), id_hash)
