"""Rows of the identities that an organization's directory provisions."""

from collections.abc import Collection

from sqlalchemy import Connection, delete, insert, select

from common.db.tables.people import users
from common.db.tables.sign_in import identities


def find_owners(tx: Connection, provider: str, subjects: Collection[str]) -> dict[str, str]:
    """Return the user ids of a provider's identities by subject, without those of removed users."""
    query = (
        select(identities.c.subject, identities.c.user_id)
        .join(users, users.c.id == identities.c.user_id)
        .where(identities.c.provider == provider, identities.c.subject.in_(sorted(subjects)), users.c.is_machine.is_(False))
    )
    return {row.subject: row.user_id for row in tx.execute(query)}


def create(tx: Connection, user_id: str, provider: str, subjects: Collection[str], *, now_millis: int) -> None:
    """Insert identities of a user; IntegrityError if one belongs to a user already."""
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


def delete_subjects(tx: Connection, user_id: str, provider: str, subjects: Collection[str]) -> bool:
    """Delete identities of a user at a provider; False if they had none of them."""
    conditions = (identities.c.provider == provider, identities.c.subject.in_(sorted(subjects)), identities.c.user_id == user_id)
    return tx.execute(delete(identities).where(*conditions)).rowcount > 0
