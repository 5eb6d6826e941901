"""Rows of identities, and what decides who may come with one."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, exists, insert, select, update

from common.db.tables.people import invites, users
from common.db.tables.sign_in import email_accounts, identities, throttles
from common.sign_in.model import Account, Identity, Known

_PAIR = (identities.c.provider, identities.c.subject)


def find(tx: Connection, provider: str, subject: str) -> Known | None:
    """Return whose an identity is, or None."""
    query = (
        select(identities.c.user_id, users.c.id, users.c.email)
        .outerjoin(users, (users.c.id == identities.c.user_id) & users.c.is_machine.is_(False))
        .where(*_is_it(provider, subject))
    )
    row = tx.execute(query).one_or_none()
    return Known(row.user_id, row.id is not None, bool(row.email)) if row is not None else None


def add(tx: Connection, user_id: str, account: Account, now_millis: int) -> None:
    """Insert an identity; IntegrityError when it is somebody's already."""
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


def refresh(tx: Connection, account: Account, now_millis: int) -> None:
    """Store what a provider says of an identity now."""
    change = update(identities).values(login=account.login, email=account.email, used_at=now_millis)
    tx.execute(change.where(*_is_it(account.provider, account.subject)))


def find_people(tx: Connection, address: str) -> list[str]:
    """Return the first two users, no machines, who have an address."""
    query = select(users.c.id).where(users.c.email == address, users.c.is_machine.is_(False)).order_by(users.c.id).limit(2)
    return list(tx.scalars(query))


def is_invited(tx: Connection, address: str, now_millis: int) -> bool:
    """Tell whether there is an open invitation to an address."""
    return bool(tx.scalar(select(exists().where(invites.c.email == address, invites.c.expires_at > now_millis))))


def hold_address(tx: Connection, key: str, now_millis: int) -> None:
    """Let one transaction at a time decide whose an address becomes; `key` stands for it."""
    # A row that is there already is waited for as well: both databases keep it from others until the transaction ends.
    tx.execute(delete(throttles).where(throttles.c.id == key))
    tx.execute(insert(throttles).values(id=key, window_at=now_millis, tries=0))


def find_all(connection: Connection, user_id: str) -> list[Identity]:
    """Return somebody's identities, oldest first."""
    return [Identity(*row) for row in connection.execute(_of_user(user_id))]


def hold_all(tx: Connection, user_id: str) -> list[Identity]:
    """Return the same, and let nobody else change or delete them before the transaction ends."""
    tx.execute(select(users.c.id).where(users.c.id == user_id).with_for_update())
    return [Identity(*row) for row in tx.execute(_of_user(user_id))]


def remove(tx: Connection, user_id: str, provider: str, subject: str) -> bool:
    """Delete somebody's identity; False when they have no such one."""
    condition = (*_is_it(provider, subject), identities.c.user_id == user_id)
    return tx.execute(delete(identities).where(*condition)).rowcount == 1


def has_password(tx: Connection, user_id: str) -> bool:
    """Tell whether somebody has an address and a password that they may sign in with."""
    return bool(tx.scalar(select(exists().where(email_accounts.c.user_id == user_id, email_accounts.c.is_verified.is_(True)))))


def _of_user(user_id: str) -> Any:  # noqa: ANN401 - a query
    columns = (*_PAIR, identities.c.login, identities.c.email, identities.c.used_at)
    return select(*columns).where(identities.c.user_id == user_id).order_by(identities.c.created_at, *_PAIR)


def _is_it(provider: str, subject: str) -> tuple[ColumnElement[bool], ...]:
    return (identities.c.provider == provider, identities.c.subject == subject)
