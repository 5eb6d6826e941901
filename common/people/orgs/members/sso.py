"""Members who come through the organization's own identity provider: which of them somebody is, and how they get in.

The provider decides who comes, the organization's admins who stays: whoever was removed is let in again by an invitation
or by being added, not by the provider alone.
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
    """Somebody's place in an organization; `saml_at` (unix milliseconds) is when they last came through its provider."""

    user_id: str
    login: str
    suspended: bool
    saml_at: int | None


def find(tx: Connection, org_id: str, user_id: str) -> SsoMember | None:
    """Return somebody's place in an organization, or None: a step."""
    row = sso_members.find(tx, org_id, user_id)
    return SsoMember(row.user_id, row.login, bool(row.suspended), row.saml_at) if row is not None else None


def find_by_address(tx: Connection, org_id: str, provider: str, names: tuple[str, ...]) -> str | None:
    """Return the id of the one member whom an address or a directory's user name means, or None for none or several: a step.

    Left out is whoever came with another account of that provider before, since an address may be given to somebody else,
    and whoever administers the whole installation: an organization's provider is not believed about them.
    """
    found = sso_members.find_by_address(tx, org_id, provider, names) if names else []
    return found[0] if len(found) == 1 else None


def join(tx: Connection, org_id: str, user_id: str, email: str, now: datetime, *, is_new: bool) -> bool:
    """Make somebody a member by an open invitation to their address, which is used up; somebody new also without: a step.

    False when they may not come. An invitation to the address of another user is left to that user. The caller holds the
    organization's lock.
    """
    is_theirs = bool(email) and not (is_new and sso_members.has_user(tx, email))
    invited = sso_members.use_invite(tx, org_id, email, unix_millis(now)) if is_theirs else None
    if invited is None and not is_new:
        return False
    members.add(tx, org_id, user_id, invited or MemberRole(Role.MEMBER), now, refusal="you are a member already")
    return True


def record_sign_in(tx: Connection, org_id: str, user_id: str, now: datetime) -> bool:
    """Store that a member came through the organization's provider: a step; False for no member, or a suspended one."""
    return sso_members.record_sign_in(tx, org_id, user_id, unix_millis(now))


def has_sign_in_since(tx: Connection, org_id: str, millis: int) -> bool:
    """Tell whether a member came through the organization's provider since a moment: a step."""
    return sso_members.has_sign_in_since(tx, org_id, millis)


def find_member(tx: Connection, org_id: str, *, login: str = "", user_id: str = "") -> Member | None:
    """Return a member by login or by id, suspended or not: a step."""
    return sso_members.find_member(tx, org_id, login=login, user_id=user_id)


def belongs_elsewhere(tx: Connection, org_id: str, user_id: str) -> bool:
    """Tell whether somebody belongs to another shared organization, be it suspended: a step."""
    return directory_members.belongs_elsewhere(tx, org_id, user_id, suspended_too=True)
