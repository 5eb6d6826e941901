"""Makes people: a user with a personal organization of the same name."""

import re
import secrets
from datetime import datetime

from sqlalchemy import Connection

from common.core.names import is_reserved
from common.people.orgs import steps as orgs
from common.people.users import steps as users

_UNFIT = re.compile(r"[^A-Za-z0-9-]+")
_LENGTH = 32
_TRIES = 20


def add_person(tx: Connection, *, login: str, name: str, email: str, now: datetime) -> str:
    """Make a person and return the id, a step; `email` is an address that is known to be theirs, or empty.

    Raises BadRequest for a login that cannot be, IntegrityError for one that is taken, by a user or an organization.
    """
    user_id = users.create(tx, login=login, name=name or login, email=email, site_admin=False, now=now)
    orgs.create_personal_organization(tx, login=login, name=name or login, user_id=user_id, now=now)
    return user_id


def free_login(tx: Connection, wanted: str) -> str:
    """Return a login like the wanted one that nobody has yet: a step. Somebody else may take it meanwhile."""
    base = _UNFIT.sub("-", wanted.partition("@")[0])[:_LENGTH].strip("-")
    if len(base) < 3:
        base = f"user-{base}".rstrip("-")
    for number in range(1, _TRIES):
        login = base if number == 1 else f"{base}-{number}"
        # Every user has an organization of the same name.
        if not is_reserved(login) and not orgs.is_taken(tx, login):
            return login
    return f"{base}-{secrets.token_hex(3)}"
