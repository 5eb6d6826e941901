"""Who belongs to an organization, and with which role.

An organization always has an admin who may sign in. All changes of its members take turns, so that two at once cannot
take its last two admins. Removing a member is in common/people/teams/service.py, since teams are above this area.
"""

from collections.abc import Callable

from sqlalchemy import Connection

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.errors import BadRequest, Forbidden, NotFound
from common.core.paging import make_token, read_token, seal
from common.people.orgs.members import steps as member_steps
from common.people.orgs.members.role_grants import resolve_roles
from common.people.orgs.model import Member, MemberRole, RequestedRole
from common.people.orgs.repository import members
from common.rights.caller import Caller
from common.rights.membership import Membership
from common.rights.permissions import Permission

PAGE_SIZE = 500


def page_members(
    backend: Backend,
    caller: Caller,
    org: str,
    *,
    with_suspended: bool,
    token: str | None,
) -> tuple[list[Member], str | None]:
    """Return a page of an organization's members by login, and the token of the next page or None."""
    membership = member_steps.require(caller, Permission.ORG_MEMBER_READ, org)
    sealed = seal(caller.user_id, membership.org_id, str(with_suspended))
    after = read_token(token, sealed, 1)[0] if token is not None else None
    with backend.db.connect() as connection:
        rows = members.page(
            connection,
            membership.org_id,
            with_suspended=with_suspended,
            after=after,
            limit=PAGE_SIZE + 1,
        )
    found = rows[:PAGE_SIZE]
    return found, make_token(sealed, found[-1].person.login) if len(rows) > PAGE_SIZE else None


def list_teams_of_member(backend: Backend, caller: Caller, org: str, login: str) -> list[str]:
    """Return the names of a member's teams; NotFound when there is no such member."""
    membership = member_steps.require(caller, Permission.ORG_MEMBER_READ, org)
    with backend.db.connect() as connection:
        return members.find_teams(connection, membership.org_id, member_steps.get_member(connection, membership, login).person.id)


def add_member(backend: Backend, caller: Caller, org: str, login: str, role: str | None) -> Member:
    """Make a user a member and return them; a plain member gets the organization's default role, if that is a custom one.

    Raises BadRequest for a role that is none, NotFound for an unknown user, Conflict for somebody who is a member.
    """
    membership = member_steps.require_shared(caller, Permission.ORG_MEMBER_ADD, org)
    wanted, record = RequestedRole(role), _recorder(backend, caller, membership)

    def add(tx: Connection) -> Member:
        given = resolve_roles(tx, membership, [wanted])[wanted]
        user_id = members.find_user_id(tx, login)
        if user_id is None:
            msg = f"User {login[:100]!a} not found"
            raise NotFound(msg)
        member_steps.add(
            tx, membership.org_id, user_id, given, backend.clock.now(), refusal=f"{login} is already a member of {org}"
        )
        record(tx, Event.MEMBER_ADDED, f"Made {login} a member, as {_named(given)}")
        return member_steps.get_member(tx, membership, login)

    return member_steps.with_org_lock(backend, membership.org_id, add)


def update_role(backend: Backend, caller: Caller, org: str, login: str, wanted: RequestedRole) -> None:
    """Give a member a built-in role by name, or any role by id; BadRequest for both and for the last admin."""
    membership = member_steps.require_shared(caller, Permission.ORG_MEMBER_UPDATE, org)
    if (wanted.role is None) == (wanted.role_id is None):
        msg = "name the new role either by `role` or by `fgaRoleId`"
        raise BadRequest(msg)
    record = _recorder(backend, caller, membership)

    def change(tx: Connection) -> None:
        given = resolve_roles(tx, membership, [wanted])[wanted]
        member = member_steps.get_member(tx, membership, login)
        if member.person.id == caller.user_id and given.role_id is None and not membership.is_admin:
            # A custom role that they may give holds no more than they do; what a built-in one holds is up to the settings.
            msg = f"only an admin of organization {org} may give you a built-in role"
            raise Forbidden(msg)
        if member.is_admin and given.role is not member.role:
            member_steps.require_other_admin(tx, membership, member)
        members.update_role(tx, membership.org_id, member.person.id, given)
        record(tx, Event.MEMBER_ROLE_CHANGED, f"Made {login} {_named(given)}")

    member_steps.with_org_lock(backend, membership.org_id, change)


def set_sole_admin(backend: Backend, caller: Caller, org: str, login: str) -> None:
    """Make a member the only admin; all other admins become plain members."""
    membership = member_steps.require_shared(caller, Permission.ORG_MEMBER_SET_ADMIN, org)
    if not membership.is_admin:
        msg = f"only an admin of organization {org} may make somebody an admin"
        raise Forbidden(msg)
    record = _recorder(backend, caller, membership)

    def change(tx: Connection) -> None:
        member = member_steps.get_member(tx, membership, login)
        if member.suspended:
            msg = f"{login} is suspended and cannot be the only admin of {org}"
            raise BadRequest(msg)
        members.set_sole_admin(tx, membership.org_id, member.person.id)
        record(tx, Event.MEMBER_ROLE_CHANGED, f"Made {login} the only admin")

    member_steps.with_org_lock(backend, membership.org_id, change)


def _recorder(backend: Backend, caller: Caller, membership: Membership) -> Callable[[Connection, Event, str], None]:
    def record(tx: Connection, event: Event, told: str) -> None:
        audit.record(tx, backend, caller, membership.org_id, event, description=told)

    return record


def _named(given: MemberRole) -> str:
    return given.role if given.role_id is None else f"one with custom role {given.role_id}"
