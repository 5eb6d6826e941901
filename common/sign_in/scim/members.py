"""Steps on the membership of a directory's user: create, activate, suspend, remove and rename them here.

A directory decides for its own organization alone. It creates users, or finds those that its SAML provider has signed in and
members of the organization, and no others. An address that it sends is not stored as the user's: an invitation of another
organization to that address would then be theirs.
"""

from datetime import datetime

from sqlalchemy import Connection

from common.access import tokens as access
from common.people.orgs.members import directory as directory_members
from common.people.teams import steps as teams
from common.people.users import steps as users
from common.sign_in import new_users
from common.sign_in.external import directory_identities as identities
from common.sign_in.scim.model import Directory, NameConflict, UserProfile
from common.sign_in.scim.repository import users as user_rows


def find_or_create_user(tx: Connection, directory: Directory, profile: UserProfile, now: datetime) -> str:
    """Return the id of the user for a new profile; NameConflict if another user of the directory signs in with that name."""
    # No permission check in this module: the directory's token was checked.
    owner = identities.find_owner(tx, directory.provider, profile.user_name)
    if owner is not None:
        if user_rows.is_provisioned(tx, directory.org_id, owner):
            raise _sign_in_conflict(profile)
        return owner
    member = _find_member(tx, directory, profile)
    if member is not None:
        return member
    login = new_users.free_login(tx, profile.key)
    user_id = new_users.create_person(tx, login=login, name=profile.name, email="", now=now)
    users.set_default_organization(tx, user_id, directory.org_id)
    return user_id


def activate(tx: Connection, directory: Directory, user_id: str, now: datetime) -> None:
    """Make a user a member of the organization, or end their suspension."""
    directory_members.add_or_reactivate(tx, directory.org_id, user_id, now)


def suspend(tx: Connection, directory: Directory, user_id: str, now: datetime) -> None:
    """Suspend a member, who keeps their role and teams."""
    directory_members.suspend(tx, directory.org_id, user_id)
    _revoke(tx, directory, user_id, now, belongs_elsewhere=_belongs_elsewhere(tx, directory, user_id))


def remove(tx: Connection, directory: Directory, user_id: str, user_name: str, now: datetime) -> None:
    """End a membership, with its role, teams, grants and tokens."""
    directory_members.remove(tx, directory.org_id, user_id)
    teams.delete_member_access(tx, directory.org_id, user_id)
    belongs_elsewhere = _belongs_elsewhere(tx, directory, user_id)
    if not belongs_elsewhere:
        # Their SAML provider may accept them for some time; they must not come back as a new user. A user who belongs elsewhere
        # keeps only the identities that they linked: if the directory added them again, it would open their other accounts.
        identities.keep(tx, user_id, directory.provider, user_name, now)
    _revoke(tx, directory, user_id, now, belongs_elsewhere=belongs_elsewhere)


def change_user_name(
    tx: Connection,
    directory: Directory,
    user_id: str,
    profile: UserProfile,
    *,
    old_name: str,
    now: datetime,
) -> None:
    """Change the name that a user signs in with; NameConflict if another user signs in with it."""
    owner = identities.find_owner(tx, directory.provider, profile.user_name)
    if owner is not None and owner != user_id:
        raise _sign_in_conflict(profile)
    identities.move(tx, user_id, directory.provider, old_name, profile.user_name, now=now)


def change_name(tx: Connection, directory: Directory, user_id: str, name: str) -> None:
    """Change the name that others see, unless other organizations see it too."""
    if not _belongs_elsewhere(tx, directory, user_id):
        users.rename(tx, user_id, name)


def _sign_in_conflict(profile: UserProfile) -> NameConflict:
    name = f"{profile.user_name[:80]!a}"
    return NameConflict(f"another user of the directory signs in as {name} through the SAML provider")


def _find_member(tx: Connection, directory: Directory, profile: UserProfile) -> str | None:
    """Return the only member with an address of the profile, or None."""
    addresses = {address for address in (profile.email, profile.key) if "@" in address}
    user_ids = user_rows.find_unprovisioned_members(tx, directory.org_id, addresses) if addresses else []
    return user_ids[0] if len(user_ids) == 1 else None


def _revoke(tx: Connection, directory: Directory, user_id: str, now: datetime, *, belongs_elsewhere: bool) -> None:
    """Revoke all access of a user, or only access through this organization if they belong to others."""
    if belongs_elsewhere:
        access.revoke_of_member(tx, user_id, directory.org_id, directory.provider, now)
    else:
        access.revoke_all_of_user(tx, user_id, now)


def _belongs_elsewhere(tx: Connection, directory: Directory, user_id: str) -> bool:
    """Return whether a user belongs to other organizations too, or administers the installation."""
    return directory_members.belongs_elsewhere(tx, directory.org_id, user_id) or user_rows.is_site_admin(tx, user_id)
