"""Rows of users."""

from sqlalchemy import Connection, insert, select, update

from common.db.tables.people import users


def find_id(connection: Connection, login: str) -> str | None:
    """Return the id of the user with this login, or None."""
    user_id: str | None = connection.scalar(select(users.c.id).where(users.c.login == login))
    return user_id


def add(
    tx: Connection, *, user_id: str, login: str, name: str, email: str, site_admin: bool, is_machine: bool, now_millis: int
) -> None:
    """Insert a user; IntegrityError when the login is taken."""
    tx.execute(
        insert(users).values(
            id=user_id,
            login=login,
            is_machine=is_machine,
            name=name,
            email=email,
            avatar_url="",
            site_admin=site_admin,
            default_org_id=None,
            created_at=now_millis,
        ),
    )


def lock_email(tx: Connection, email: str, *, other_than: str) -> bool:
    """Tell whether another user has an address, and lock it until the transaction ends."""
    query = select(users.c.id).where(users.c.email == email, users.c.id != other_than).order_by(users.c.id).limit(1)
    return tx.scalar(query.with_for_update()) is not None


def update_email(tx: Connection, user_id: str, email: str) -> None:
    """Store a verified address of a user."""
    tx.execute(update(users).values(email=email).where(users.c.id == user_id))


def update_name(tx: Connection, user_id: str, name: str) -> None:
    """Store the name that others see."""
    tx.execute(update(users).values(name=name).where(users.c.id == user_id))


def set_default_org(connection: Connection, user_id: str, org_id: str) -> None:
    """Store a user's default organization."""
    connection.execute(update(users).values(default_org_id=org_id).where(users.c.id == user_id))


def clear_default_org(tx: Connection, user_id: str, org_id: str) -> None:
    """Clear a user's default organization if it is this one."""
    tx.execute(update(users).values(default_org_id=None).where(users.c.id == user_id, users.c.default_org_id == org_id))


def set_first_email(tx: Connection, user_id: str, email: str) -> bool:
    """Store a user's address if they have none; False when they have."""
    return tx.execute(update(users).values(email=email).where(users.c.id == user_id, users.c.email == "")).rowcount == 1
