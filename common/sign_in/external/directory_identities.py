"""Steps by which an organization's directory says which sign-in through its SAML provider is whose.

A provider names people by a NameID. One in the form of an address is compared without case, any other as it comes, so a
user name stands for both spellings. Whoever signs in is found by their user name, so nothing is kept here until somebody did;
it is what remains of a name that changes, or of somebody who left, that this module is about.
"""

from datetime import datetime

from sqlalchemy import Connection

from common.core.clock import unix_millis
from common.sign_in.repository import directory_identities


def find_owner(tx: Connection, provider: str, user_name: str) -> str | None:
    """Return the user who signs in, or did, by this name, or None; the name as it was sent counts before the folded one."""
    found = directory_identities.find_owners(tx, provider, _subjects(user_name))
    return found.get(user_name, found.get(user_name.lower()))


def move(tx: Connection, user_id: str, provider: str, old_name: str, new_name: str, *, now: datetime) -> None:
    """Let a user who signed in by one name sign in by another instead; whoever comes by the old one is somebody else."""
    if directory_identities.remove(tx, user_id, provider, _subjects(old_name)):
        keep(tx, user_id, provider, new_name, now)


def keep(tx: Connection, user_id: str, provider: str, user_name: str, now: datetime) -> None:
    """Remember whose a name is, so that somebody who comes by it is this user, who may have left, and no new one."""
    missing = _subjects(user_name) - directory_identities.find_owners(tx, provider, _subjects(user_name)).keys()
    if missing:
        directory_identities.add(tx, user_id, provider, missing, now_millis=unix_millis(now))


def _subjects(user_name: str) -> set[str]:
    return {user_name, user_name.lower()}
