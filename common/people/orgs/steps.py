"""Steps on organizations and their settings: they join their caller's transaction."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from common.core.clock import unix_millis
from common.core.errors import NotFound
from common.core.ids import new_id
from common.core.names import require_new_owner_name
from common.db.faults import Contention
from common.people.orgs.repository import members, organizations
from common.rights.org_settings import OrgSettings, decode, encode
from common.rights.permissions import Role


def find_id(tx: Connection, login: str) -> str | None:
    """Return an organization's id by login, or None."""
    return organizations.find_id(tx, login)


def is_taken(tx: Connection, login: str) -> bool:
    """Tell whether a user or an organization has this name, in upper or lower case."""
    return organizations.is_taken(tx, login)


def create_organization(tx: Connection, *, login: str, admin_user_id: str, now: datetime) -> str:
    """Create an organization with one admin and return its id; BadRequest for a bad login."""
    return _add(tx, login=login, name=login, personal_user_id=None, admin_user_id=admin_user_id, now=now)


def create_personal_organization(tx: Connection, *, login: str, name: str, user_id: str, now: datetime) -> str:
    """Create a user's personal organization, named like the user, and return its id."""
    return _add(tx, login=login, name=name, personal_user_id=user_id, admin_user_id=user_id, now=now)


def add_member(tx: Connection, *, org_id: str, user_id: str, role: Role, now: datetime, role_id: str | None = None) -> None:
    """Make a user a member of an organization; IntegrityError for a member."""
    organizations.add_member(tx, org_id=org_id, user_id=user_id, role=role, role_id=role_id, now_millis=unix_millis(now))


def _add(tx: Connection, *, login: str, name: str, personal_user_id: str | None, admin_user_id: str, now: datetime) -> str:
    require_new_owner_name(login)
    org_id = new_id()
    millis = unix_millis(now)
    organizations.add(tx, org_id=org_id, login=login, name=name, personal_user_id=personal_user_id, now_millis=millis)
    organizations.add_member(tx, org_id=org_id, user_id=admin_user_id, role=Role.ADMIN, role_id=None, now_millis=millis)
    return org_id


def clear_role(tx: Connection, org_id: str, role_id: str) -> None:
    """Give every member and invited person with a custom role the built-in Member role."""
    # No permission check: the use case made it.
    members.clear_role(tx, org_id, role_id)


def update_settings(tx: Connection, org_id: str, change: Callable[[OrgSettings], OrgSettings]) -> OrgSettings:
    """Change an organization's current settings and return the new ones.

    Raises Contention when another process changed them at the same time: run the use case with common.db.retry.retry.
    """
    # No permission check: the use case made it.
    text = organizations.find_settings(tx, org_id)
    if text is None:
        raise NotFound("the organization no longer exists")
    old = decode(text)
    new = change(old)
    if new != old and not organizations.replace_settings(tx, org_id, text, encode(new)):
        raise Contention("the organization's settings were changed at the same time; try again")
    return new


def get_settings(tx: Connection, org_id: str) -> OrgSettings:
    """Return an organization's settings."""
    return decode(organizations.find_settings(tx, org_id) or "{}")
