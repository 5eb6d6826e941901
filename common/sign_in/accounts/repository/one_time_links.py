"""Rows of links that are sent by mail."""

from sqlalchemy import Connection, delete, insert, select

from common.db.tables.sign_in import one_time_links
from common.sign_in.accounts.model import Link


def create(connection: Connection, token_hash: str, purpose: str, link: Link, *, now_millis: int, expires_at: int) -> None:
    """Insert a link."""
    connection.execute(
        insert(one_time_links).values(
            token_hash=token_hash,
            purpose=purpose,
            user_id=link.user_id,
            email=link.email,
            created_at=now_millis,
            expires_at=expires_at,
        ),
    )


def find(connection: Connection, token_hash: str, purpose: str, now_millis: int) -> Link | None:
    """Return a link that has not expired, or None."""
    query = select(one_time_links.c.user_id, one_time_links.c.email).where(
        one_time_links.c.token_hash == token_hash,
        one_time_links.c.purpose == purpose,
        one_time_links.c.expires_at > now_millis,
    )
    row = connection.execute(query).one_or_none()
    return Link(row.user_id, row.email) if row is not None else None


def delete_link(tx: Connection, token_hash: str) -> bool:
    """Delete a link; False if another process used it meanwhile."""
    return tx.execute(delete(one_time_links).where(one_time_links.c.token_hash == token_hash)).rowcount == 1


def delete_of_user(tx: Connection, user_id: str) -> None:
    """Delete all links of a user."""
    tx.execute(delete(one_time_links).where(one_time_links.c.user_id == user_id))


def delete_expired(connection: Connection, before_millis: int, limit: int) -> int:
    """Delete up to `limit` links that expired before a time; return how many."""
    is_expired = one_time_links.c.expires_at < before_millis
    query = select(one_time_links.c.token_hash).where(is_expired).order_by(one_time_links.c.expires_at).limit(limit)
    hashes = list(connection.scalars(query))
    if hashes:
        connection.execute(delete(one_time_links).where(one_time_links.c.token_hash.in_(hashes)))
    return len(hashes)
