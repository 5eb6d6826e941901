"""Steps on teams: they join their caller's transaction."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection

from common.access import grants
from common.access import tokens as access
from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BackendError, BadRequest, Forbidden, NotFound
from common.db.faults import unless_taken
from common.people.orgs.members.steps import not_a_member
from common.people.roles import steps as team_roles
from common.people.teams import directory_groups
from common.people.teams.model import (
    MemberAction,
    MemberChange,
    Team,
    TeamChange,
    TeamDetails,
    TeamRole,
    require_environment,
    require_name,
    require_texts,
)
from common.people.teams.repository import teams
from common.people.users import steps as users
from common.people.users.model import Person
from common.rights.built_in import ADMIN, BY_ID
from common.rights.caller import Caller, missing_org
from common.rights.descriptor import all_permissions
from common.rights.membership import Membership
from common.rights.permissions import Permission
from common.rights.predicate import Entity, EntityKind
from common.rights.rules import parse

KIND = "pulumi"
# How many teams one request may name.
NAMED_LIMIT = 100


def delete(tx: Connection, team_id: str, now: datetime) -> bool:
    """Delete a team with its roles, grants and tokens; False when it no longer exists."""
    if not teams.delete(tx, team_id):
        return False
    team_roles.delete_of_team(tx, team_id)
    grants.delete_of_principal(tx, team_id)
    access.revoke_tokens_of_team(tx, team_id, now)
    return True


def add_imported(tx: Connection, org_id: str, team: Team, roles: Mapping[str, TeamRole], now: datetime) -> list[str] | None:
    """Create a team of another installation with the users (login → role) who are members here, and return the others.

    None if a team has its name, which stays as it is.
    """
    # No permission check: the operator imports it.
    require_name(team.name)
    require_texts(team.display_name, team.description)
    if teams.lock(tx, org_id, team.name) is not None:
        return None
    teams.add(tx, org_id, team, unix_millis(now))
    missing_logins = []
    for login, role in sorted(roles.items()):
        person = teams.lock_member(tx, org_id, login)
        if person is None:
            missing_logins.append(login)
        else:
            teams.add_member(tx, org_id, team.id, person.id, role, now_millis=unix_millis(now))
    return missing_logins


def delete_member_access(tx: Connection, org_id: str, user_id: str) -> None:
    """Delete a former member's places in teams, their grants on stacks and their choice of this organization as default."""
    # No permission check: the use case made it.
    teams.remove_from_teams(tx, org_id, user_id)
    grants.delete_of_member(tx, user_id, org_id)
    users.clear_default_organization(tx, user_id, org_id)


def get_details(connection: Connection, caller: Caller, membership: Membership, name: str) -> TeamDetails:
    """Return a team with all its details, including stacks that the caller may not know of."""
    details = teams.find_details(connection, membership.org_id, name)
    if details is None:
        raise _absent(caller, membership, name, Permission.TEAM_READ)
    _require(caller, membership, details.team, name, Permission.TEAM_READ)
    return details.seen_by(caller.user_id)


def get(connection: Connection, caller: Caller, membership: Membership, name: str, permission: Permission) -> Team:
    """Return a team on which the caller has a permission, by a role or as the team's admin."""
    return _require(caller, membership, teams.find(connection, membership.org_id, name), name, permission)


def lock(tx: Connection, caller: Caller, membership: Membership, name: str, permission: Permission) -> Team:
    """Lock and return a team on which the caller has a permission, by a role or as the team's admin."""
    return _require(caller, membership, teams.lock(tx, membership.org_id, name), name, permission)


def lock_visible(tx: Connection, membership: Membership, name: str) -> Team:
    """Lock and return a team that the caller may know of; NotFound for any other."""
    team = teams.lock(tx, membership.org_id, name)
    if team is None or not _may_know(membership, team.id):
        raise missing(name)
    return team


def lock_several(tx: Connection, membership: Membership, names: Collection[str]) -> list[str]:
    """Lock teams that the caller may know of, so that they are not deleted, and return their ids; NotFound for any other."""
    if len(names) > NAMED_LIMIT:
        raise BadRequest(f"at most {NAMED_LIMIT} teams can be named at once")
    team_ids = teams.lock_several(tx, membership.org_id, names)
    for name in names:
        if name not in team_ids or not _may_know(membership, team_ids[name]):
            raise missing(name)
    return sorted(team_ids.values())


def update(tx: Connection, backend: Backend, caller: Caller, membership: Membership, team: Team, change: TeamChange) -> None:  # noqa: PLR0917
    """Change a locked team, all but its stacks: those are changed by the use case, which is in the stacks area."""
    if directory_groups.changes_owned_fields(change):
        directory_groups.require_not_owned(tx, membership.org_id, team)
    require_texts(change.display_name, change.description)
    texts = {"display_name": change.display_name, "description": change.description}
    new_texts = {column: text for column, text in texts.items() if text is not None}
    if new_texts:
        teams.update_texts(tx, team.id, new_texts)
    now_millis = unix_millis(backend.clock.now())
    if change.member is not None:
        _change_member(tx, membership, team, change.member, now_millis)
    if change.environments:
        _change_environments(tx, caller, membership, team, change, now_millis=now_millis)
    if description := change.describe():
        audit.record(tx, backend, caller, membership.org_id, Event.TEAM_UPDATED, description=f"Team {team.name}: {description}")


def require_no_escalation(tx: Connection, membership: Membership, team: Team) -> None:
    """Raise Forbidden when a member or token of the team would have permissions that the caller does not have.

    The team has its roles, and its grants on stacks: a caller outside it must have those permissions on every stack.
    """
    if membership.is_admin:
        return
    rules = teams.find_role_rules(tx, team.id)
    if ADMIN.id in rules:
        raise Forbidden(
            f"team {team.name} has the admin role: only an admin of organization {membership.login} may add someone to it"
        )
    if team.id in membership.team_ids:
        return
    of_roles = [BY_ID[role_id].permissions if text is None else all_permissions(parse(text)) for role_id, text in rules.items()]
    membership.require_permissions(frozenset[Permission]().union(*of_roles, *grants.list_permissions(tx, team.id)))


def lock_creator(tx: Connection, caller: Caller, membership: Membership) -> Person | None:
    """Lock and return the caller as the first member of a new team; None for a machine."""
    if not caller.is_person:
        return None
    person = teams.lock_member(tx, membership.org_id, caller.login)
    if person is None:
        # The membership ended since the caller was looked up.
        raise NotFound(missing_org(membership.login))
    return person


def _change_member(tx: Connection, membership: Membership, team: Team, change: MemberChange, now_millis: int) -> None:
    match change.action:
        case MemberAction.ADD:
            _add_member(tx, membership, team, change.login, now_millis)
            return
        case MemberAction.REMOVE:
            is_done = teams.remove_member(tx, team.id, change.login)
        case MemberAction.PROMOTE:
            is_done = teams.update_member_role(tx, team.id, change.login, TeamRole.ADMIN)
        case MemberAction.DEMOTE:
            is_done = teams.update_member_role(tx, team.id, change.login, TeamRole.MEMBER)
    if not is_done:
        raise NotFound(f"{change.login[:100]!a} is not a member of team {team.name}")


def _add_member(tx: Connection, membership: Membership, team: Team, login: str, now_millis: int) -> None:
    require_no_escalation(tx, membership, team)
    person = teams.lock_member(tx, membership.org_id, login)
    if person is None:
        raise not_a_member(tx, membership.login, login)
    with unless_taken(f"{login} is already a member of team {team.name}"):
        teams.add_member(tx, membership.org_id, team.id, person.id, TeamRole.MEMBER, now_millis=now_millis)


def _change_environments(
    tx: Connection,
    caller: Caller,
    membership: Membership,
    team: Team,
    change: TeamChange,
    *,
    now_millis: int,
) -> None:
    # Grants name environments that may not exist yet, so only a caller who decides about all of them may change them.
    if Permission.ENVIRONMENT_ACCESS_UPDATE not in membership.permissions():
        raise caller.refusal(Permission.ENVIRONMENT_ACCESS_UPDATE, membership)
    # At most three, as many as a request can name.
    for grant in change.environments:
        if grant.level is not None:
            require_environment(grant)
            teams.replace_environment(tx, team.id, grant, now_millis)
        elif not teams.remove_environment(tx, team.id, grant):
            raise NotFound(f"team {team.name} has no grant on environment {f'{grant.project}/{grant.name}'[:201]!a}")


def _require(caller: Caller, membership: Membership, team: Team | None, name: str, permission: Permission) -> Team:
    """Return the team if the caller has a permission on it, by a role or as its admin."""
    if team is None:
        raise _absent(caller, membership, name, permission)
    if not may(membership, team, permission):
        raise caller.refusal(permission, membership)
    return team


def may(membership: Membership, team: Team, permission: Permission) -> bool:
    """Tell whether a member has a permission on a team, by a role or as the team's admin."""
    return permission in membership.permissions_on(entity(team)) or team.id in membership.administered_team_ids


def _absent(caller: Caller, membership: Membership, name: str, permission: Permission) -> BackendError:
    """Return the error for a team that does not exist.

    A caller who may neither do this nor read teams must not learn from the answer which teams exist.
    """
    may_know = membership.permissions() & {permission, Permission.TEAM_READ}
    return missing(name) if may_know else caller.refusal(permission, membership)


def _may_know(membership: Membership, team_id: str) -> bool:
    is_readable = Permission.TEAM_READ in membership.permissions_on(Entity(EntityKind.TEAM, team_id))
    return is_readable or team_id in membership.team_ids


def entity(team: Team) -> Entity:
    """Return a team as the entity that permissions are checked on."""
    return Entity(EntityKind.TEAM, team.id)


def missing(name: str) -> NotFound:
    """Return the error for a team that does not exist, or that the caller may not know of."""
    return NotFound(f"Team {name[:100]!a} not found")
