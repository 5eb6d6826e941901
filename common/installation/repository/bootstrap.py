"""Rows of what starts have made, and the tokens among it."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, insert, or_, select
from sqlalchemy import delete as delete_from

from common.core.clock import unix_millis
from common.db.tables.access import access_tokens
from common.db.tables.installation import bootstrap_items


def was_made(connection: Connection, item: str) -> bool:
    """Tell whether some start has made this."""
    return connection.scalar(select(bootstrap_items.c.item).where(bootstrap_items.c.item == item)) is not None


def note(tx: Connection, item: str, now: datetime) -> None:
    """Remember that a start has made this; IntegrityError when another one does at this moment."""
    if not was_made(tx, item):
        tx.execute(insert(bootstrap_items).values(item=item, created_at=unix_millis(now)))


def find_made_at(connection: Connection, item: str) -> int | None:
    """Return when this was noted, in unix milliseconds, or None."""
    made_at: int | None = connection.scalar(select(bootstrap_items.c.created_at).where(bootstrap_items.c.item == item))
    return made_at


def delete(connection: Connection, item: str) -> None:
    """Delete a note."""
    connection.execute(delete_from(bootstrap_items).where(bootstrap_items.c.item == item))


def find_tokens(tx: Connection, user_id: str, name: str, now_millis: int) -> list[str]:
    """Return the ids of a user's tokens of this name that are good."""
    query = select(access_tokens.c.id).where(
        access_tokens.c.user_id == user_id, access_tokens.c.name == name, _is_good(now_millis)
    )
    return sorted(tx.scalars(query.where(access_tokens.c.token_hash.is_not(None))))


def is_good(tx: Connection, token_hash: str, now_millis: int) -> bool:
    """Tell whether the token with this hash is neither revoked nor expired."""
    query = select(access_tokens.c.id).where(access_tokens.c.token_hash == token_hash, _is_good(now_millis))
    return tx.scalar(query) is not None


def _is_good(now_millis: int) -> ColumnElement[bool]:
    return or_(access_tokens.c.expires_at.is_(None), access_tokens.c.expires_at > now_millis)
