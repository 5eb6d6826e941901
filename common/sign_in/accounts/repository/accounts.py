"""Rows of accounts with an address and a password."""

from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from common.db.tables.people import users
from common.db.tables.sign_in import email_accounts, identities
from common.sign_in.accounts.model import PasswordAccount

_ACCOUNTS: Select[Any] = select(
    email_accounts.c.user_id,
    email_accounts.c.email,
    email_accounts.c.is_verified,
    email_accounts.c.pending_email,
    email_accounts.c.password_hash,
    users.c.login,
    users.c.email.label("known_address"),
).join(users, users.c.id == email_accounts.c.user_id)


def find(connection: Connection, user_id: str) -> PasswordAccount | None:
    """Return a user's account, or None."""
    row = connection.execute(_ACCOUNTS.where(email_accounts.c.user_id == user_id)).one_or_none()
    return _to_account(row) if row is not None else None


def lock(tx: Connection, user_id: str) -> PasswordAccount | None:
    """Return a user's account, or None, and lock it until the transaction ends."""
    row = tx.execute(_ACCOUNTS.where(email_accounts.c.user_id == user_id).with_for_update()).one_or_none()
    return _to_account(row) if row is not None else None


def find_by_login(connection: Connection, login: str) -> list[PasswordAccount]:
    """Return the account of the user with a login, if there is one."""
    return [_to_account(row) for row in connection.execute(_ACCOUNTS.where(users.c.login == login))]


def find_by_address(connection: Connection, email: str) -> list[PasswordAccount]:
    """Return the accounts of an address: the confirmed one first, then the one that claims it."""
    query = _ACCOUNTS.where(email_accounts.c.email == email).order_by(email_accounts.c.is_verified.desc())
    return [_to_account(row) for row in connection.execute(query)]


def create(tx: Connection, *, user_id: str, email: str, is_verified: bool, password_hash: str, now_millis: int) -> None:
    """Insert an account; IntegrityError if the user has one, or another account has the address in the same state."""
    tx.execute(
        insert(email_accounts).values(
            user_id=user_id,
            email=email,
            is_verified=is_verified,
            pending_email=None,
            password_hash=password_hash,
            changed_at=now_millis,
            created_at=now_millis,
        ),
    )


def update_password(tx: Connection, user_id: str, password_hash: str, now_millis: int) -> None:
    """Store the hash of a new password."""
    change = update(email_accounts).values(password_hash=password_hash, changed_at=now_millis)
    tx.execute(change.where(email_accounts.c.user_id == user_id))


def replace_hash(connection: Connection, user_id: str, old: str, new: str) -> None:
    """Store another hash of the same password, unless the password has changed."""
    change = update(email_accounts).values(password_hash=new)
    connection.execute(change.where(email_accounts.c.user_id == user_id, email_accounts.c.password_hash == old))


def update_address(tx: Connection, user_id: str, email: str, *, is_verified: bool) -> None:
    """Store the address of an account and delete the pending one; IntegrityError if another account has it."""
    change = update(email_accounts).values(email=email, is_verified=is_verified, pending_email=None)
    tx.execute(change.where(email_accounts.c.user_id == user_id))


def update_pending(connection: Connection, user_id: str, email: str | None) -> None:
    """Store the address that a user wants to change to, or None."""
    connection.execute(update(email_accounts).values(pending_email=email).where(email_accounts.c.user_id == user_id))


def delete_pending(connection: Connection, user_id: str) -> bool:
    """Delete the address that a user wants to change to; False if no change is pending."""
    is_pending = (email_accounts.c.user_id == user_id, email_accounts.c.pending_email.is_not(None))
    return connection.execute(update(email_accounts).values(pending_email=None).where(*is_pending)).rowcount == 1


def delete_identities(tx: Connection, user_id: str) -> None:
    """Delete a user's identities."""
    tx.execute(delete(identities).where(identities.c.user_id == user_id))


def _to_account(row: Row[Any]) -> PasswordAccount:
    return PasswordAccount(
        user_id=row.user_id,
        login=row.login,
        email=row.email,
        is_verified=bool(row.is_verified),
        pending_email=row.pending_email,
        known_address=row.known_address,
        password_hash=row.password_hash,
    )
