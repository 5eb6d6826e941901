"""Rows of links that are sent by mail."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from common.db.tables.sign_in import one_time_links


@dataclass(frozen=True, slots=True)
class Link:
    """What a link is for: whose account, which address."""

    user_id: str
    email: str


def add(connection: Connection, token_hash: str, purpose: str, link: Link, *, now_millis: int, expires_at: int) -> None:
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
    """Return what a link is for, or None when there is none or it has expired."""
    query = select(one_time_links.c.user_id, one_time_links.c.email).where(
        one_time_links.c.token_hash == token_hash,
        one_time_links.c.purpose == purpose,
        one_time_links.c.expires_at > now_millis,
    )
    row = connection.execute(query).one_or_none()
    return Link(row.user_id, row.email) if row is not None else None


def remove(tx: Connection, token_hash: str) -> bool:
    """Delete a link; False when somebody else used it meanwhile."""
    return tx.execute(delete(one_time_links).where(one_time_links.c.token_hash == token_hash)).rowcount == 1


def remove_of_user(tx: Connection, user_id: str) -> None:
    """Delete all links of a user."""
    tx.execute(delete(one_time_links).where(one_time_links.c.user_id == user_id))


def forget(connection: Connection, before_millis: int, limit: int) -> int:
    """Delete some links that expired before a moment; return how many."""
    is_old = one_time_links.c.expires_at < before_millis
    query = select(one_time_links.c.token_hash).where(is_old).order_by(one_time_links.c.expires_at).limit(limit)
    chosen = list(connection.scalars(query))
    if chosen:
        connection.execute(delete(one_time_links).where(one_time_links.c.token_hash.in_(chosen)))
    return len(chosen)
