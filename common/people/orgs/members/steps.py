"""Steps on memberships: they join their caller's transaction."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from common.backend import Backend
from common.core.errors import BadRequest, NotFound
from common.db.faults import unless_taken
from common.db.retry import retry
from common.people.orgs import steps as orgs
from common.people.orgs.members.role_grants import role_of_new_member
from common.people.orgs.model import Member, MemberRole
from common.people.orgs.repository import members
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership
from common.rights.permissions import Permission, Role

_T = TypeVar("_T")


def remove(tx: Connection, caller: Caller, membership: Membership, login: str) -> str:
    """End a membership and return the user's id: a step of the use case in common/people/teams/service.py, which takes its turn.

    Raises NotFound for no member, BadRequest for the caller and for the last admin.
    """
    member = get_member(tx, membership, login)
    if member.person.id == caller.user_id:
        msg = f"you cannot remove yourself from organization {membership.login}; another admin can"
        raise BadRequest(msg)
    if member.is_admin:
        require_other_admin(tx, membership, member)
    members.remove(tx, membership.org_id, member.person.id)
    return member.person.id


def add(tx: Connection, org_id: str, user_id: str, given: MemberRole, now: datetime, *, refusal: str) -> None:
    """Make a user a member with the role that newcomers get for this one, a step; Conflict(refusal) when they are one."""
    settled = role_of_new_member(tx, org_id, given)
    with unless_taken(refusal):
        orgs.add_member(tx, org_id=org_id, user_id=user_id, role=settled.role, role_id=settled.role_id, now=now)


def add_if_missing(tx: Connection, org_id: str, user_id: str, now: datetime) -> bool:
    """Make a user a plain member with the role that newcomers get, in their turn, a step; False when they are one already."""
    members.lock(tx, org_id)
    if members.is_member(tx, org_id, user_id):
        return False
    add(tx, org_id, user_id, MemberRole(Role.MEMBER), now, refusal="they are a member already")
    return True


def not_a_member(connection: Connection, org: str, login: str) -> NotFound:
    """Return the error for somebody who is none of an organization's members: in the words for no user, if there is none."""
    if members.find_user_id(connection, login) is None:
        # The provider's users look for these words.
        return NotFound(f"User {login[:100]!a} not found")
    return NotFound(f"{login[:100]!a} is not a member of organization {org}")


def with_org_lock(backend: Backend, org_id: str, change: Callable[[Connection], _T]) -> _T:
    """Run a change of an organization's members in one transaction that holds the organization's lock."""

    def attempt() -> _T:
        with backend.db.begin() as tx:
            members.lock(tx, org_id)
            return change(tx)

    return retry(attempt)


def require(caller: Caller, permission: Permission, org: str) -> Membership:
    """Return the caller's membership if it gives a permission in the organization; errors as Caller.require raises."""
    return caller.require(permission, org, missing=missing_org(org))


def require_shared(caller: Caller, permission: Permission, org: str) -> Membership:
    """Return the same; BadRequest for a personal organization, whose only member is its owner."""
    membership = require(caller, permission, org)
    if membership.is_personal:
        msg = f"{org} is a personal organization: its owner is its only member"
        raise BadRequest(msg)
    return membership


def get_member(connection: Connection, membership: Membership, login: str) -> Member:
    """Return a member of an organization; NotFound when the organization has no such member."""
    found = members.find(connection, membership.org_id, login)
    if found is None:
        raise not_a_member(connection, membership.login, login)
    return found


def require_other_admin(tx: Connection, membership: Membership, member: Member) -> None:
    """Raise BadRequest when a member is the last admin of the organization."""
    if not members.has_other_admin(tx, membership.org_id, member.person.id):
        msg = f"{member.person.login} is the last admin of organization {membership.login}; make somebody else an admin first"
        raise BadRequest(msg)
