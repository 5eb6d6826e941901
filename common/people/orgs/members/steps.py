"""Steps on memberships: they join their caller's transaction."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from common.backend import Backend
from common.core.errors import BadRequest, NotFound
from common.db.faults import is_contention, unless_taken
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
    """Delete a membership and return the user's id. The use case is in common/people/teams/service.py, and holds the lock.

    Raises NotFound for a user who is not a member, BadRequest for the caller and for the last admin.
    """
    member = get_member(tx, membership, login)
    if member.person.id == caller.user_id:
        raise BadRequest(f"you cannot remove yourself from organization {membership.login}; another admin can")
    if member.is_admin:
        require_other_admin(tx, membership, member)
    members.remove(tx, membership.org_id, member.person.id)
    return member.person.id


def add(tx: Connection, org_id: str, user_id: str, role: MemberRole, now: datetime, *, refusal: str) -> None:
    """Create a membership; a plain member gets the organization's default role. Conflict(refusal) for a member."""
    new_role = role_of_new_member(tx, org_id, role)
    with unless_taken(refusal):
        orgs.add_member(tx, org_id=org_id, user_id=user_id, role=new_role.built_in, role_id=new_role.custom_id, now=now)


def add_if_missing(tx: Connection, org_id: str, user_id: str, now: datetime) -> bool:
    """Lock the organization and add a user with the default role; False for a member."""
    members.lock(tx, org_id)
    if members.is_member(tx, org_id, user_id):
        return False
    add(tx, org_id, user_id, MemberRole(Role.MEMBER), now, refusal="they are a member already")
    return True


def not_a_member(connection: Connection, org: str, login: str) -> NotFound:
    """Return the error for a user who is not a member of an organization, or who does not exist."""
    if members.find_user_id(connection, login) is None:
        # The provider's users look for these words.
        return NotFound(f"User {login[:100]!a} not found")
    return NotFound(f"{login[:100]!a} is not a member of organization {org}")


def with_org_lock(
    backend: Backend,
    org_id: str,
    change: Callable[[Connection], _T],
    *,
    when: Callable[[Exception], bool] = is_contention,
    failure: Callable[[], Exception] | None = None,
) -> _T:
    """Return what `change` returns, run in one transaction that holds the organization's lock.

    It is repeated after an error that `when` accepts; the last attempt raises the error of `failure`, as `retry` does.
    """

    def attempt() -> _T:
        with backend.db.begin() as tx:
            members.lock(tx, org_id)
            return change(tx)

    return retry(attempt, when=when, failure=failure)


def require(caller: Caller, permission: Permission, org: str) -> Membership:
    """Return the caller's membership if it has a permission in the organization; errors as in Caller.require."""
    return caller.require(permission, org, missing=missing_org(org))


def require_shared(caller: Caller, permission: Permission, org: str) -> Membership:
    """Return the same; BadRequest for a personal organization, which has only its owner as a member."""
    membership = require(caller, permission, org)
    if membership.is_personal:
        raise BadRequest(f"{org} is a personal organization: its owner is its only member")
    return membership


def get_member(connection: Connection, membership: Membership, login: str) -> Member:
    """Return a member of an organization; NotFound for a user who is not a member."""
    member = members.find(connection, membership.org_id, login)
    if member is None:
        raise not_a_member(connection, membership.login, login)
    return member


def require_other_admin(tx: Connection, membership: Membership, member: Member) -> None:
    """Raise BadRequest when a member is the last admin of the organization."""
    if not members.has_other_admin(tx, membership.org_id, member.person.id):
        raise BadRequest(
            f"{member.person.login} is the last admin of organization {membership.login}; make another member an admin first"
        )
