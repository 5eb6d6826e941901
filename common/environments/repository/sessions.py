"""Rows of opened environments."""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select
from sqlalchemy import delete as delete_from

from common.db.tables.environments import environment_sessions


@dataclass(frozen=True, slots=True)
class SessionRow:
    """An opened environment; `environment_id` is None for a document that is not stored."""

    id_hash: str
    org_id: str
    environment_id: str | None
    user_id: str
    sealed: bytes
    created_at: int
    expires_at: int


def add(tx: Connection, row: SessionRow) -> None:
    """Insert a session."""
    tx.execute(
        insert(environment_sessions).values(
            id_hash=row.id_hash,
            org_id=row.org_id,
            environment_id=row.environment_id,
            user_id=row.user_id,
            sealed=row.sealed,
            created_at=row.created_at,
            expires_at=row.expires_at,
        )
    )


def find(connection: Connection, id_hash: str, user_id: str, now_millis: int) -> SessionRow | None:
    """Return a user's own session that has not expired, or None."""
    is_it = (
        environment_sessions.c.id_hash == id_hash,
        environment_sessions.c.user_id == user_id,
        environment_sessions.c.expires_at > now_millis,
    )
    row = connection.execute(select(environment_sessions).where(*is_it)).one_or_none()
    return SessionRow(**row._mapping) if row is not None else None  # noqa: SLF001 - SQLAlchemy's public name


def delete_expired(connection: Connection, now_millis: int, limit: int) -> int:
    """Delete some sessions that expired, and return how many."""
    expired = select(environment_sessions.c.id_hash).where(environment_sessions.c.expires_at <= now_millis).limit(limit)
    hashes = connection.scalars(expired).all()
    if not hashes:
        return 0
    return connection.execute(delete_from(environment_sessions).where(environment_sessions.c.id_hash.in_(hashes))).rowcount
