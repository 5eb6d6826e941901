"""Who a person of a directory is here: found or made, let in, and shut out with all that they were let in with.

A directory speaks for its own organization alone. It makes people, or finds those whom its SAML provider has signed in and
members of the organization; it never reaches anybody else. An address that it tells is given to no user, since invitations
of other organizations would believe it.
"""

from datetime import datetime

from sqlalchemy import Connection

from common.access import tokens as access
from common.people.orgs.members import directory as directory_members
from common.people.teams import steps as teams
from common.people.users import steps as users
from common.sign_in import new_users
from common.sign_in.external import directory_identities as identities
from common.sign_in.scim.model import Directory, Profile, Taken
from common.sign_in.scim.repository import users as user_rows


def settle(tx: Connection, directory: Directory, profile: Profile, now: datetime) -> str:
    """Return the id of the user whom a new person of the directory is, a step; Taken when another person signs in so."""
    # No permission check in this module: the directory's token was checked.
    known = identities.find_owner(tx, directory.provider, profile.user_name)
    if known is not None:
        if user_rows.is_provisioned(tx, directory.org_id, known):
            raise _signs_in(profile)
        return known
    member = _member(tx, directory, profile)
    if member is not None:
        return member
    login = new_users.free_login(tx, profile.key)
    made = new_users.create_person(tx, login=login, name=profile.name, email="", now=now)
    users.set_default_organization(tx, made, directory.org_id)
    return made


def admit(tx: Connection, directory: Directory, user_id: str, now: datetime) -> None:
    """Let somebody into the organization: a step."""
    directory_members.add_or_reactivate(tx, directory.org_id, user_id, now)


def suspend(tx: Connection, directory: Directory, user_id: str, now: datetime) -> None:
    """Keep somebody out of the organization from now on, with the role and the teams that they have: a step."""
    directory_members.suspend(tx, directory.org_id, user_id)
    _revoke(tx, directory, user_id, now, is_of_others=_is_of_others(tx, directory, user_id))


def remove(tx: Connection, directory: Directory, user_id: str, user_name: str, now: datetime) -> None:
    """End somebody's membership with all that was given to them in the organization, and their way in: a step."""
    directory_members.remove(tx, directory.org_id, user_id)
    teams.delete_member_access(tx, directory.org_id, user_id)
    is_of_others = _is_of_others(tx, directory, user_id)
    if not is_of_others:
        # Their SAML provider may let them through for a while yet; they must not come in as somebody new. Of somebody who
        # belongs elsewhere nothing is kept that they did not link themselves: added again, it would open what they have there.
        identities.keep(tx, user_id, directory.provider, user_name, now)
    _revoke(tx, directory, user_id, now, is_of_others=is_of_others)


def rename(tx: Connection, directory: Directory, user_id: str, old_name: str, profile: Profile, now: datetime) -> None:  # noqa: PLR0917
    """Let somebody sign in by another name, and no longer by the old one: a step; Taken when another person signs in so."""
    owner = identities.find_owner(tx, directory.provider, profile.user_name)
    if owner is not None and owner != user_id:
        raise _signs_in(profile)
    identities.move(tx, user_id, directory.provider, old_name, profile.user_name, now=now)


def call(tx: Connection, directory: Directory, user_id: str, name: str) -> None:
    """Store the name that others see of somebody, unless another organization sees it too: a step."""
    if not _is_of_others(tx, directory, user_id):
        users.rename(tx, user_id, name)


def _signs_in(profile: Profile) -> Taken:
    return Taken(f"somebody else of the directory signs in as {profile.user_name[:80]!a} through the SAML provider")


def _member(tx: Connection, directory: Directory, profile: Profile) -> str | None:
    """Return the one member who is known to have an address of the person, or None."""
    addresses = {one for one in (profile.email, profile.key) if "@" in one}
    found = user_rows.find_members(tx, directory.org_id, addresses) if addresses else []
    return found[0] if len(found) == 1 else None


def _revoke(tx: Connection, directory: Directory, user_id: str, now: datetime, *, is_of_others: bool) -> None:
    """Revoke everything of somebody who belongs nowhere else; of others, what they have by way of this organization."""
    if is_of_others:
        access.revoke_of_member(tx, user_id, directory.org_id, directory.provider, now)
    else:
        access.revoke_all_of_user(tx, user_id, now)


def _is_of_others(tx: Connection, directory: Directory, user_id: str) -> bool:
    """Tell whether somebody belongs to other organizations too, or administers the installation."""
    return directory_members.belongs_elsewhere(tx, directory.org_id, user_id) or user_rows.is_site_admin(tx, user_id)
