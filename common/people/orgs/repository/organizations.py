"""Rows of organizations and their members."""

from sqlalchemy import Connection, insert, select, update

from common.db.tables.people import members, organizations, owner_names
from common.rights.permissions import Role


def find_id(connection: Connection, login: str) -> str | None:
    """Return the id of the organization with this login, or None."""
    org_id: str | None = connection.scalar(select(organizations.c.id).where(organizations.c.login == login))
    return org_id


def is_taken(connection: Connection, login: str) -> bool:
    """Tell whether an organization has or had this login, in upper or lower case."""
    return connection.scalar(select(owner_names.c.name).where(owner_names.c.name == login.lower())) is not None


def add(tx: Connection, *, org_id: str, login: str, name: str, personal_user_id: str | None, now_millis: int) -> None:
    """Insert an organization, a user's personal one with `personal_user_id`; IntegrityError for a login that is taken.

    Logins that differ only in upper and lower case are the same.
    """
    tx.execute(insert(owner_names).values(name=login.lower()))
    tx.execute(
        insert(organizations).values(
            id=org_id,
            login=login,
            name=name,
            avatar_url="",
            personal_user_id=personal_user_id,
            settings="{}",
            created_at=now_millis,
        ),
    )


def add_member(tx: Connection, *, org_id: str, user_id: str, role: Role, role_id: str | None, now_millis: int) -> None:
    """Insert a member; IntegrityError for a member."""
    tx.execute(
        insert(members).values(
            org_id=org_id, user_id=user_id, role=role, role_id=role_id, suspended=False, created_at=now_millis
        ),
    )


def find_settings(tx: Connection, org_id: str) -> str | None:
    """Return the text of an organization's settings, or None without the organization."""
    text: str | None = tx.scalar(select(organizations.c.settings).where(organizations.c.id == org_id))
    return text


def replace_settings(tx: Connection, org_id: str, old: str, new: str) -> bool:
    """Replace the settings that were read; False when they have changed since."""
    is_unchanged = (organizations.c.id == org_id, organizations.c.settings == old)
    return tx.execute(update(organizations).values(settings=new).where(*is_unchanged)).rowcount == 1
