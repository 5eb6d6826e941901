"""Steps on users: they join their caller's transaction."""

from datetime import datetime

from sqlalchemy import Connection

from common.core.clock import unix_millis
from common.core.errors import BadRequest
from common.core.ids import new_id
from common.core.names import require_new_owner_name
from common.people.users import repository

NAME_LIMIT = 255


def find_id(tx: Connection, login: str) -> str | None:
    """Return a user's id by login, or None."""
    return repository.find_id(tx, login)


def create(tx: Connection, *, login: str, name: str, email: str, site_admin: bool, now: datetime) -> str:
    """Create a user and return the id; BadRequest for a bad login, IntegrityError for one that is taken.

    `email` is a verified address of theirs, or empty: invitations and sign-ins trust it.
    """
    require_new_owner_name(login)
    user_id = new_id()
    repository.add(
        tx,
        user_id=user_id,
        login=login,
        name=name,
        email=email.lower(),
        site_admin=site_admin,
        is_machine=False,
        now_millis=unix_millis(now),
    )
    return user_id


def set_email(tx: Connection, user_id: str, email: str) -> bool:
    """Store a verified address of a user, in lower case; False when another user has it."""
    if repository.lock_email(tx, email, other_than=user_id):
        return False
    repository.update_email(tx, user_id, email)
    return True


def rename(tx: Connection, user_id: str, name: str) -> None:
    """Store the name that others see; BadRequest for an empty or a long one."""
    repository.update_name(tx, user_id, clean_name(name))


def clean_name(text: str) -> str:
    """Return a name without extra spaces; BadRequest for an empty or a long one."""
    name = " ".join(text.split())
    if not name.isprintable() or not 1 <= len(name) <= NAME_LIMIT:
        raise BadRequest(f"a name has 1 to {NAME_LIMIT} characters")
    return name


def create_machine(tx: Connection, *, org_login: str, name: str, now: datetime) -> str:
    """Create the machine user of an organization's or a team's token and return the id; no one can sign in as it."""
    user_id = new_id()
    repository.add(
        tx,
        user_id=user_id,
        login=f"{org_login}/{name}",
        name=name,
        email="",
        site_admin=False,
        is_machine=True,
        now_millis=unix_millis(now),
    )
    return user_id


def set_default_organization(tx: Connection, user_id: str, org_id: str) -> None:
    """Store a user's default organization."""
    repository.set_default_org(tx, user_id, org_id)


def clear_default_organization(tx: Connection, user_id: str, org_id: str) -> None:
    """Clear a user's default organization if it is this one."""
    repository.clear_default_org(tx, user_id, org_id)


def set_first_email(tx: Connection, user_id: str, email: str) -> bool:
    """Store a verified address of a user who has none; False when they have one."""
    return repository.set_first_email(tx, user_id, email.lower())
