"""Who belongs to an organization, and with which role.

An organization always has an admin who may sign in. All changes of its members take turns, so that two at once cannot
take its last two admins. Somebody's leaving is in common/people/teams/leave.py, since teams are above this area.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from common.audit import steps
from common.audit.steps import Event
from common.backend import Backend
from common.core.errors import BadRequest, Forbidden, NotFound
from common.core.paging import make_token, read_token, seal
from common.db.faults import repeated, unless_taken
from common.people.orgs import service as orgs
from common.people.orgs.model import Given, Member, Wanted
from common.people.orgs.repository import members
from common.people.orgs.role_grants import as_newcomer, settle
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership
from common.rights.permissions import Permission, Role

PAGE_SIZE = 500
_T = TypeVar("_T")


def page_members(
    backend: Backend, caller: Caller, org: str, *, with_suspended: bool, token: str | None,
) -> tuple[list[Member], str | None]:  # fmt: skip
    """Return a page of an organization's members by login, and the token of the next page or None."""
    membership = require(caller, Permission.ORG_MEMBER_READ, org)
    sealed = seal(caller.user_id, membership.org_id, str(with_suspended))
    after = read_token(token, sealed, 1)[0] if token is not None else None
    with backend.db.connect() as connection:
        rows = members.page(
            connection, membership.org_id, with_suspended=with_suspended, after=after, limit=PAGE_SIZE + 1,
        )  # fmt: skip
    found = rows[:PAGE_SIZE]
    return found, make_token(sealed, found[-1].person.login) if len(rows) > PAGE_SIZE else None


def list_teams_of(backend: Backend, caller: Caller, org: str, login: str) -> list[str]:
    """Return the names of a member's teams; NotFound when there is no such member."""
    membership = require(caller, Permission.ORG_MEMBER_READ, org)
    with backend.db.connect() as connection:
        return members.find_teams(connection, membership.org_id, _load(connection, membership, login).user_id)


def add_member(backend: Backend, caller: Caller, org: str, login: str, role: str | None) -> Member:
    """Make a user a member and return them; a plain member gets the organization's default role, if that is a custom one.

    Raises BadRequest for a role that is none, NotFound for an unknown user, Conflict for somebody who is a member.
    """
    membership = require_shared(caller, Permission.ORG_MEMBER_ADD, org)
    wanted, record = Wanted(role), _recorder(backend, caller, membership)

    def add(tx: Connection) -> Member:
        given = settle(tx, membership, [wanted])[wanted]
        user_id = members.find_person(tx, login)
        if user_id is None:
            msg = f"User {login[:100]!a} not found"
            raise NotFound(msg)
        enter(tx, membership.org_id, user_id, given, backend.clock.now(), refusal=f"{login} is already a member of {org}")
        record(tx, Event.MEMBER_ADDED, f"Made {login} a member, as {_named(given)}")
        return _load(tx, membership, login)

    return in_turn(backend, membership.org_id, add)


def change_role(backend: Backend, caller: Caller, org: str, login: str, wanted: Wanted) -> None:
    """Give a member a built-in role by name, or any role by id; BadRequest for both and for the last admin."""
    membership = require_shared(caller, Permission.ORG_MEMBER_UPDATE, org)
    if (wanted.role is None) == (wanted.role_id is None):
        msg = "name the new role either by `role` or by `fgaRoleId`"
        raise BadRequest(msg)
    record = _recorder(backend, caller, membership)

    def change(tx: Connection) -> None:
        given = settle(tx, membership, [wanted])[wanted]
        member = _load(tx, membership, login)
        if member.user_id == caller.user_id and given.role_id is None and not membership.is_admin:
            # A custom role that they may give holds no more than they do; what a built-in one holds is up to the settings.
            msg = f"only an admin of organization {org} may give you a built-in role"
            raise Forbidden(msg)
        if member.is_admin and given.role is not member.role:
            _require_other_admin(tx, membership, member)
        members.put_role(tx, membership.org_id, member.user_id, given)
        record(tx, Event.MEMBER_ROLE_CHANGED, f"Made {login} {_named(given)}")

    in_turn(backend, membership.org_id, change)


def set_sole_admin(backend: Backend, caller: Caller, org: str, login: str) -> None:
    """Make a member the only admin; all other admins become plain members."""
    membership = require_shared(caller, Permission.ORG_MEMBER_SET_ADMIN, org)
    if not membership.is_admin:
        msg = f"only an admin of organization {org} may make somebody an admin"
        raise Forbidden(msg)
    record = _recorder(backend, caller, membership)

    def change(tx: Connection) -> None:
        member = _load(tx, membership, login)
        if member.suspended:
            msg = f"{login} is suspended and cannot be the only admin of {org}"
            raise BadRequest(msg)
        members.make_sole_admin(tx, membership.org_id, member.user_id)
        record(tx, Event.MEMBER_ROLE_CHANGED, f"Made {login} the only admin")

    in_turn(backend, membership.org_id, change)


def take_out(tx: Connection, caller: Caller, membership: Membership, login: str) -> str:
    """End a membership and return the user's id: a step of the use case in common/people/teams/leave.py, which takes its turn.

    Raises NotFound for no member, BadRequest for the caller and for the last admin.
    """
    member = _load(tx, membership, login)
    if member.user_id == caller.user_id:
        msg = f"you cannot remove yourself from organization {membership.login}; another admin can"
        raise BadRequest(msg)
    if member.is_admin:
        _require_other_admin(tx, membership, member)
    members.remove(tx, membership.org_id, member.user_id)
    return member.user_id


def enter(tx: Connection, org_id: str, user_id: str, given: Given, now: datetime, *, refusal: str) -> None:
    """Make a user a member with the role that newcomers get for this one, a step; Conflict(refusal) when they are one."""
    settled = as_newcomer(tx, org_id, given)
    with unless_taken(refusal):
        orgs.add_member(tx, org_id=org_id, user_id=user_id, role=settled.role, role_id=settled.role_id, now=now)


def let_in(tx: Connection, org_id: str, user_id: str, now: datetime) -> bool:
    """Make a user a plain member with the role that newcomers get, in their turn, a step; False when they are one already."""
    members.lock(tx, org_id)
    if members.is_member(tx, org_id, user_id):
        return False
    enter(tx, org_id, user_id, Given(Role.MEMBER), now, refusal="they are a member already")
    return True


def not_a_member(connection: Connection, org: str, login: str) -> NotFound:
    """Return the error for somebody who is none of an organization's members: in the words for no user, if there is none."""
    if members.find_person(connection, login) is None:
        # The provider's users look for these words.
        return NotFound(f"User {login[:100]!a} not found")
    return NotFound(f"{login[:100]!a} is not a member of organization {org}")


def in_turn(backend: Backend, org_id: str, change: Callable[[Connection], _T]) -> _T:
    """Run a change of an organization's members in one transaction that holds the organization's lock."""

    def attempt() -> _T:
        with backend.db.begin() as tx:
            members.lock(tx, org_id)
            return change(tx)

    return repeated(attempt)


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


def _recorder(backend: Backend, caller: Caller, membership: Membership) -> Callable[[Connection, Event, str], None]:
    def record(tx: Connection, event: Event, told: str) -> None:
        steps.record(tx, backend, caller, membership.org_id, event, description=told)

    return record


def _named(given: Given) -> str:
    return given.role if given.role_id is None else f"one with custom role {given.role_id}"


def _load(connection: Connection, membership: Membership, login: str) -> Member:
    found = members.find(connection, membership.org_id, login)
    if found is None:
        raise not_a_member(connection, membership.login, login)
    return found


def _require_other_admin(tx: Connection, membership: Membership, member: Member) -> None:
    if not members.has_other_admin(tx, membership.org_id, member.user_id):
        msg = f"{member.person.login} is the last admin of organization {membership.login}; make somebody else an admin first"
        raise BadRequest(msg)
