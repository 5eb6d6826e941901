"""Rows of the identities that an organization's directory tells of."""

from collections.abc import Collection

from sqlalchemy import Connection, delete, insert, select

from common.db.tables.people import users
from common.db.tables.sign_in import identities


def find_owners(tx: Connection, provider: str, subjects: Collection[str]) -> dict[str, str]:
    """Return whose these identities of a provider are, by their subjects; those of users who are gone are left out."""
    query = (
        select(identities.c.subject, identities.c.user_id)
        .join(users, users.c.id == identities.c.user_id)
        .where(identities.c.provider == provider, identities.c.subject.in_(sorted(subjects)), users.c.is_machine.is_(False))
    )
    return {row.subject: row.user_id for row in tx.execute(query)}


def add(tx: Connection, user_id: str, provider: str, subjects: Collection[str], *, now_millis: int) -> None:
    """Insert identities of a user; IntegrityError when one is somebody's already."""
    rows = [
        {
            "provider": provider,
            "subject": subject,
            "user_id": user_id,
            "login": subject,
            "email": "",
            "created_at": now_millis,
            "used_at": now_millis,
        }
        for subject in sorted(subjects)
    ]
    tx.execute(insert(identities), rows)


def remove(tx: Connection, user_id: str, provider: str, subjects: Collection[str]) -> bool:
    """Delete some of a user's identities at a provider; False when they had none of them."""
    is_it = (identities.c.provider == provider, identities.c.subject.in_(sorted(subjects)), identities.c.user_id == user_id)
    return tx.execute(delete(identities).where(*is_it)).rowcount > 0
