"""Members who sign in through the organization's own identity provider: which member a sign-in is for, and who may join.

The provider decides who signs in, the organization's admins who is a member: a removed member comes back by an invitation
or when an admin adds them, not by the provider alone.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from common.core.clock import unix_millis
from common.people.orgs.members import steps as members
from common.people.orgs.model import Member, MemberRole
from common.people.orgs.repository import directory_members, sso_members
from common.rights.permissions import Role


@dataclass(frozen=True, slots=True)
class SsoMember:
    """A member of an organization; `saml_at` (unix milliseconds) is their last sign-in through its provider."""

    user_id: str
    login: str
    suspended: bool
    saml_at: int | None


def find(tx: Connection, org_id: str, user_id: str) -> SsoMember | None:
    """Return a member, suspended or not, or None."""
    row = sso_members.find(tx, org_id, user_id)
    return SsoMember(row.user_id, row.login, bool(row.suspended), row.saml_at) if row is not None else None


def find_by_address(tx: Connection, org_id: str, provider: str, names: tuple[str, ...]) -> str | None:
    """Return the id of the one member with an email address or a SCIM user name among `names`; None if it is not exactly one.

    A member who signed in with another account of the provider is left out, since an address may pass to another person. So
    is an administrator of the installation: an organization's provider is not trusted to name them.
    """
    user_ids = sso_members.find_by_address(tx, org_id, provider, names) if names else []
    return user_ids[0] if len(user_ids) == 1 else None


def join(tx: Connection, org_id: str, user_id: str, email: str, now: datetime, *, is_new: bool) -> bool:
    """Add a user by an open invitation to their address, which is used up; a new user needs no invitation.

    False when the user may not join. An invitation to the address of another user is left to that user. The caller holds the
    organization's lock.
    """
    may_use_invite = bool(email) and not (is_new and sso_members.has_user(tx, email))
    invited_as = sso_members.use_invite(tx, org_id, email, unix_millis(now)) if may_use_invite else None
    if invited_as is None and not is_new:
        return False
    members.add(tx, org_id, user_id, invited_as or MemberRole(Role.MEMBER), now, refusal="you are a member already")
    return True


def record_sign_in(tx: Connection, org_id: str, user_id: str, now: datetime) -> bool:
    """Store that a member signed in through the organization's provider; False for a suspended member or another user."""
    return sso_members.record_sign_in(tx, org_id, user_id, unix_millis(now))


def has_sign_in_since(tx: Connection, org_id: str, millis: int) -> bool:
    """Tell whether a member signed in through the organization's provider since a moment."""
    return sso_members.has_sign_in_since(tx, org_id, millis)


def find_member(tx: Connection, org_id: str, *, login: str = "", user_id: str = "") -> Member | None:
    """Return a member by login or by id, suspended or not, or None."""
    return sso_members.find_member(tx, org_id, login=login, user_id=user_id)


def belongs_elsewhere(tx: Connection, org_id: str, user_id: str) -> bool:
    """Tell whether a user is a member of another shared organization, suspended or not."""
    return directory_members.belongs_elsewhere(tx, org_id, user_id, with_suspended=True)
