"""Rows of users."""

from sqlalchemy import Connection, insert, select, update

from common.db.tables import users


def find_id(connection: Connection, login: str) -> str | None:
    """Return the id of the user with that login, or None."""
    found: str | None = connection.scalar(select(users.c.id).where(users.c.login == login))
    return found


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


def set_default_org(connection: Connection, user_id: str, org_id: str) -> None:
    """Store a user's choice of default organization."""
    connection.execute(update(users).values(default_org_id=org_id).where(users.c.id == user_id))


def clear_default_org(tx: Connection, user_id: str, org_id: str) -> None:
    """Delete a user's choice of default organization if it is this one."""
    tx.execute(update(users).values(default_org_id=None).where(users.c.id == user_id, users.c.default_org_id == org_id))
