"""Steps that link the names of an organization's directory (SCIM) to identities of its SAML provider.

A provider identifies people by a NameID. A NameID that is an address is compared without case, others exactly, so a user
name stands for both spellings. A person who signs in is found by their user name, so nothing is stored before the first
sign-in. This module is about what is stored when a name changes or a user leaves.
"""

from datetime import datetime

from sqlalchemy import Connection

from common.core.clock import unix_millis
from common.sign_in.repository import directory_identities


def find_owner(tx: Connection, provider: str, user_name: str) -> str | None:
    """Return the user who signs in or has signed in with a name, or None; the exact spelling has priority."""
    owners = directory_identities.find_owners(tx, provider, _subjects(user_name))
    return owners.get(user_name, owners.get(user_name.lower()))


def move(tx: Connection, user_id: str, provider: str, old_name: str, new_name: str, *, now: datetime) -> None:
    """Let a user sign in with another name; a person who comes with the old one is another user."""
    if directory_identities.delete_subjects(tx, user_id, provider, _subjects(old_name)):
        keep(tx, user_id, provider, new_name, now)


def keep(tx: Connection, user_id: str, provider: str, user_name: str, now: datetime) -> None:
    """Store the user of a name, so that a person who comes with it is this user, even after they left, and not a new one."""
    missing = _subjects(user_name) - directory_identities.find_owners(tx, provider, _subjects(user_name)).keys()
    if missing:
        directory_identities.create(tx, user_id, provider, missing, now_millis=unix_millis(now))


def _subjects(user_name: str) -> set[str]:
    return {user_name, user_name.lower()}
