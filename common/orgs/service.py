"""Organizations and who belongs to them. A user's personal namespace is an organization with the user's own login."""

from datetime import datetime

from sqlalchemy import Connection

from common.access.permissions import Role
from common.clock import unix_millis
from common.ids import new_id
from common.names import require_owner_name
from common.orgs import repository


def find_id(tx: Connection, login: str) -> str | None:
    """Return an organization's id by login, or None: a step of its caller's use case."""
    return repository.find_id(tx, login)


def add_shared(tx: Connection, *, login: str, admin_user_id: str, now: datetime) -> str:
    """Make an organization with one admin and return its id, a step; raises BadRequest for a bad login."""
    return _add(tx, login=login, name=login, personal_user_id=None, admin_user_id=admin_user_id, now=now)


def add_personal(tx: Connection, *, login: str, name: str, user_id: str, now: datetime) -> str:
    """Make a user's personal organization, named like the user, and return its id: a step."""
    return _add(tx, login=login, name=name, personal_user_id=user_id, admin_user_id=user_id, now=now)


def add_member(tx: Connection, *, org_id: str, user_id: str, role: Role, now: datetime, role_id: str | None = None) -> None:
    """Make a user a member of an organization, a step; IntegrityError when they are one already."""
    repository.add_member(tx, org_id=org_id, user_id=user_id, role=role, role_id=role_id, now_millis=unix_millis(now))


def _add(tx: Connection, *, login: str, name: str, personal_user_id: str | None, admin_user_id: str, now: datetime) -> str:
    require_owner_name(login)
    org_id = new_id()
    millis = unix_millis(now)
    repository.add(tx, org_id=org_id, login=login, name=name, personal_user_id=personal_user_id, now_millis=millis)
    repository.add_member(tx, org_id=org_id, user_id=admin_user_id, role=Role.ADMIN, role_id=None, now_millis=millis)
    return org_id
