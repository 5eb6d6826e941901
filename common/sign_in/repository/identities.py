"""Rows of identities, and the queries that decide who may sign in with one."""

from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, exists, insert, select, update

from common.db.tables.people import invites, users
from common.db.tables.sign_in import email_accounts, identities, throttles
from common.sign_in.model import Account, Identity, IdentityOwner

_PAIR = (identities.c.provider, identities.c.subject)


def find_owner(tx: Connection, provider: str, subject: str) -> IdentityOwner | None:
    """Return the user of an identity, or None."""
    query = (
        select(identities.c.user_id, users.c.id, users.c.email)
        .outerjoin(users, (users.c.id == identities.c.user_id) & users.c.is_machine.is_(False))
        .where(*_conditions(provider, subject))
    )
    row = tx.execute(query).one_or_none()
    return IdentityOwner(row.user_id, row.id is not None, bool(row.email)) if row is not None else None


def create(tx: Connection, user_id: str, account: Account, now_millis: int) -> None:
    """Insert an identity; IntegrityError if it belongs to a user already."""
    tx.execute(
        insert(identities).values(
            provider=account.provider,
            subject=account.subject,
            user_id=user_id,
            login=account.login,
            email=account.email,
            created_at=now_millis,
            used_at=now_millis,
        ),
    )


def update_identity(tx: Connection, account: Account, now_millis: int) -> None:
    """Store the present login and address of an identity."""
    change = update(identities).values(login=account.login, email=account.email, used_at=now_millis)
    tx.execute(change.where(*_conditions(account.provider, account.subject)))


def find_people(tx: Connection, address: str) -> list[str]:
    """Return the first two users, no machines, who have an address."""
    query = select(users.c.id).where(users.c.email == address, users.c.is_machine.is_(False)).order_by(users.c.id).limit(2)
    return list(tx.scalars(query))


def is_invited(tx: Connection, address: str, now_millis: int) -> bool:
    """Return whether there is an open invitation to an address."""
    return bool(tx.scalar(select(exists().where(invites.c.email == address, invites.c.expires_at > now_millis))))


def lock_address(tx: Connection, address: str, now_millis: int) -> None:
    """Lock an address until the transaction ends, so that one transaction at a time decides which user gets it."""
    key = sha256(f"address:{address}".encode()).hexdigest()
    # Both databases lock the row until the transaction ends, an existing row as well.
    tx.execute(delete(throttles).where(throttles.c.id == key))
    tx.execute(insert(throttles).values(id=key, window_at=now_millis, tries=0))


def find_all(connection: Connection, user_id: str) -> list[Identity]:
    """Return the identities of a user, oldest first."""
    return [Identity(*row) for row in connection.execute(_of_user(user_id))]


def lock_all(tx: Connection, user_id: str) -> list[Identity]:
    """Return the identities of a user, oldest first, and lock them until the transaction ends."""
    tx.execute(select(users.c.id).where(users.c.id == user_id).with_for_update())
    return [Identity(*row) for row in tx.execute(_of_user(user_id))]


def delete_identity(tx: Connection, user_id: str, provider: str, subject: str) -> bool:
    """Delete an identity of a user; False if they do not have it."""
    conditions = (*_conditions(provider, subject), identities.c.user_id == user_id)
    return tx.execute(delete(identities).where(*conditions)).rowcount == 1


def has_password(tx: Connection, user_id: str) -> bool:
    """Return whether a user can sign in with an address and a password."""
    return bool(tx.scalar(select(exists().where(email_accounts.c.user_id == user_id, email_accounts.c.is_verified.is_(True)))))


def _of_user(user_id: str) -> Any:  # noqa: ANN401 - a query
    columns = (*_PAIR, identities.c.login, identities.c.email, identities.c.used_at)
    return select(*columns).where(identities.c.user_id == user_id).order_by(identities.c.created_at, *_PAIR)


def _conditions(provider: str, subject: str) -> tuple[ColumnElement[bool], ...]:
    return (identities.c.provider == provider, identities.c.subject == subject)
