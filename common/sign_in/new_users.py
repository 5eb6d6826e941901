"""Creates people: a user with a personal organization of the same name."""

import re
from datetime import datetime

from sqlalchemy import Connection

from common.core.names import first_free, is_reserved
from common.people.orgs import steps as orgs
from common.people.users import steps as users

_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9-]+")
_LOGIN_LENGTH, _SHORTEST = 32, 3


def create_person(tx: Connection, *, login: str, name: str, email: str, now: datetime) -> str:
    """Create a person and return their id, a step; `email` is an address that is known to be theirs, or empty.

    Raises BadRequest for a login that is not valid, IntegrityError if a user or an organization has it.
    """
    user_id = users.create(tx, login=login, name=name or login, email=email, site_admin=False, now=now)
    orgs.create_personal_organization(tx, login=login, name=name or login, user_id=user_id, now=now)
    return user_id


def free_login(tx: Connection, text: str) -> str:
    """Return a login like a text that is not taken, a step. Another process may take it meanwhile."""
    base = _NOT_ALLOWED.sub("-", text.partition("@")[0])[:_LOGIN_LENGTH].strip("-")
    if len(base) < _SHORTEST:
        base = f"user-{base}".rstrip("-")
    # Every user has an organization of the same name.
    return first_free(base, lambda login: is_reserved(login) or orgs.is_taken(tx, login))
