"""Members of an organization and their roles.

An organization always has an admin who may sign in. Every change of its members holds the organization's lock, so that two
at once cannot remove its last two admins. Removing a member is in common/people/teams/service.py, since teams are above
this area.
"""

from sqlalchemy import Connection

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.errors import BadRequest, Forbidden, NotFound
from common.core.paging import make_token, read_token, seal
from common.people.orgs.members import steps as member_steps
from common.people.orgs.members.role_grants import resolve_roles
from common.people.orgs.model import Member, MemberFilter, MemberRole, RequestedRole
from common.people.orgs.repository import directory_members, members
from common.rights.caller import Caller
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
    page = rows[:PAGE_SIZE]
    return page, make_token(sealed, page[-1].person.login) if len(rows) > PAGE_SIZE else None


def search_members(
    backend: Backend,
    caller: Caller,
    org: str,
    narrowed: MemberFilter,
    *,
    size: int,
    number: int,
) -> tuple[list[Member], int]:
    """Return a page of the members that a filter finds, and how many it finds; pages are numbered from 1."""
    membership = member_steps.require(caller, Permission.ORG_MEMBER_READ, org)
    with backend.db.connect() as connection:
        page = members.search(connection, membership.org_id, narrowed, limit=size, offset=size * (number - 1))
        return page, members.count_found(connection, membership.org_id, narrowed)


def get_member(backend: Backend, caller: Caller, org: str, login: str) -> tuple[Member, list[str]]:
    """Return a member with the names of their teams; NotFound for a user who is not a member."""
    membership = member_steps.require(caller, Permission.ORG_MEMBER_READ, org)
    with backend.db.connect() as connection:
        member = member_steps.get_member(connection, membership, login)
        return member, members.find_teams(connection, membership.org_id, member.person.id)


def set_suspended(backend: Backend, caller: Caller, org: str, login: str, *, suspended: bool) -> None:
    """Suspend a member, who keeps their role, teams and stacks, or reinstate them.

    Raises NotFound for a user who is not a member, BadRequest for the caller, the last admin, a member whom the directory
    provisions, and a member who is so already.
    """
    membership = member_steps.require_shared(caller, Permission.ORG_MEMBER_UPDATE, org)

    def update(tx: Connection) -> None:
        member = member_steps.get_member(tx, membership, login)
        if member.person.id == caller.user_id:
            raise BadRequest(f"you cannot suspend yourself in organization {org}; another admin can")
        if directory_members.is_provisioned(tx, membership.org_id, member.person.id):
            raise BadRequest(f"the directory of organization {org} decides whether {login} is suspended; change it there")
        if member.is_admin and not membership.is_admin:
            raise Forbidden(f"only an admin of organization {org} may suspend or reinstate an admin")
        if suspended and member.is_admin:
            member_steps.require_other_admin(tx, membership, member)
        if not members.set_suspended(tx, membership.org_id, member.person.id, suspended=suspended):
            raise BadRequest(f"{login} is {'suspended already' if suspended else 'not suspended'}")
        event = Event.MEMBER_SUSPENDED if suspended else Event.MEMBER_REINSTATED
        verb = "Suspended" if suspended else "Reinstated"
        audit.record(tx, backend, caller, membership.org_id, event, description=f"{verb} {login}")

    member_steps.with_org_lock(backend, membership.org_id, update)


def list_teams_of_member(backend: Backend, caller: Caller, org: str, login: str) -> list[str]:
    """Return the names of a member's teams; NotFound for a user who is not a member."""
    membership = member_steps.require(caller, Permission.ORG_MEMBER_READ, org)
    with backend.db.connect() as connection:
        member = member_steps.get_member(connection, membership, login)
        return members.find_teams(connection, membership.org_id, member.person.id)


def add_member(backend: Backend, caller: Caller, org: str, login: str, role: str | None) -> Member:
    """Add a user to an organization and return the member; a plain member gets the organization's default role.

    Raises BadRequest for an unknown role, NotFound for an unknown user, Conflict for a member.
    """
    membership = member_steps.require_shared(caller, Permission.ORG_MEMBER_ADD, org)
    requested = RequestedRole(role)
    refusal = f"{login} is already a member of {org}"

    def add(tx: Connection) -> Member:
        new_role = resolve_roles(tx, membership, [requested])[requested]
        user_id = members.find_user_id(tx, login)
        if user_id is None:
            raise NotFound(f"User {login[:100]!a} not found")
        member_steps.add(tx, membership.org_id, user_id, new_role, backend.clock.now(), refusal=refusal)
        description = f"Made {login} a member, as {_role_name(new_role)}"
        audit.record(tx, backend, caller, membership.org_id, Event.MEMBER_ADDED, description=description)
        # Read back: the row has the default role, and the user's name and address.
        return member_steps.get_member(tx, membership, login)

    return member_steps.with_org_lock(backend, membership.org_id, add)


def update_role(backend: Backend, caller: Caller, org: str, login: str, requested: RequestedRole) -> None:
    """Give a member a built-in role by name, or any role by id; BadRequest for both and for the last admin."""
    membership = member_steps.require_shared(caller, Permission.ORG_MEMBER_UPDATE, org)
    if (requested.name is None) == (requested.id is None):
        raise BadRequest("name the new role either by `role` or by `fgaRoleId`")

    def update(tx: Connection) -> None:
        new_role = resolve_roles(tx, membership, [requested])[requested]
        member = member_steps.get_member(tx, membership, login)
        if member.person.id == caller.user_id and new_role.custom_id is None and not membership.is_admin:
            # A custom role that they may assign has no more permissions than they have; settings decide what a built-in one has.
            raise Forbidden(f"only an admin of organization {org} may give you a built-in role")
        if member.is_admin and new_role.built_in is not member.role:
            member_steps.require_other_admin(tx, membership, member)
        members.update_role(tx, membership.org_id, member.person.id, new_role)
        description = f"Made {login} {_role_name(new_role)}"
        audit.record(tx, backend, caller, membership.org_id, Event.MEMBER_ROLE_CHANGED, description=description)

    member_steps.with_org_lock(backend, membership.org_id, update)


def set_sole_admin(backend: Backend, caller: Caller, org: str, login: str) -> None:
    """Make a member the only admin; all other admins become plain members."""
    membership = member_steps.require_shared(caller, Permission.ORG_MEMBER_SET_ADMIN, org)
    if not membership.is_admin:
        raise Forbidden(f"only an admin of organization {org} may make another member an admin")

    def update(tx: Connection) -> None:
        member = member_steps.get_member(tx, membership, login)
        if member.suspended:
            raise BadRequest(f"{login} is suspended and cannot be the only admin of {org}")
        members.set_sole_admin(tx, membership.org_id, member.person.id)
        description = f"Made {login} the only admin"
        audit.record(tx, backend, caller, membership.org_id, Event.MEMBER_ROLE_CHANGED, description=description)

    member_steps.with_org_lock(backend, membership.org_id, update)


def _role_name(role: MemberRole) -> str:
    return role.built_in if role.custom_id is None else f"one with custom role {role.custom_id}"
