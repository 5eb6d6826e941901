"""Steps on teams: they join their caller's transaction."""

from collections.abc import Collection
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
    """Delete a team with all that was given to it and its tokens, a step; False when it is gone already."""
    if not teams.delete(tx, team_id):
        return False
    team_roles.delete_of_team(tx, team_id)
    grants.delete_of_principal(tx, team_id)
    access.revoke_tokens_of_team(tx, team_id, now)
    return True


def delete_member_access(tx: Connection, org_id: str, user_id: str) -> None:
    """Take away all that was given to somebody in an organization which they have left: a step."""
    # No permission check: the use case made it.
    teams.remove_from_teams(tx, org_id, user_id)
    grants.delete_of_member(tx, user_id, org_id)
    users.clear_default_organization(tx, user_id, org_id)


def get_details(connection: Connection, caller: Caller, membership: Membership, name: str) -> TeamDetails:
    """Return a team with all that belongs to it, also the stacks that the caller may not know of: a step."""
    found = teams.find_details(connection, membership.org_id, name)
    if found is None:
        raise _absent(caller, membership, name, Permission.TEAM_READ)
    _require(caller, membership, found.team, name, Permission.TEAM_READ)
    return found.seen_by(caller.user_id)


def get(connection: Connection, caller: Caller, membership: Membership, name: str, permission: Permission) -> Team:
    """Return a team that the caller may do this to, by a role or as the team's admin: a step."""
    return _require(caller, membership, teams.find(connection, membership.org_id, name), name, permission)


def lock(tx: Connection, caller: Caller, membership: Membership, name: str, permission: Permission) -> Team:
    """Return a team that the caller may do this to, by a role or as the team's admin, and keep it from all others: a step."""
    return _require(caller, membership, teams.lock(tx, membership.org_id, name), name, permission)


def lock_visible(tx: Connection, membership: Membership, name: str) -> Team:
    """Return a team that the caller may know of, and keep it from all others: a step; NotFound otherwise."""
    team = teams.lock(tx, membership.org_id, name)
    if team is None or not _may_know(membership, team.id):
        raise missing(name)
    return team


def lock_several(tx: Connection, membership: Membership, names: Collection[str]) -> list[str]:
    """Return the ids of teams that the caller may know of, and keep them from being deleted: a step; NotFound otherwise."""
    if len(names) > NAMED_LIMIT:
        msg = f"at most {NAMED_LIMIT} teams can be named at once"
        raise BadRequest(msg)
    found = teams.lock_several(tx, membership.org_id, names)
    for name in names:
        if name not in found or not _may_know(membership, found[name]):
            raise missing(name)
    return sorted(found.values())


def update(tx: Connection, backend: Backend, caller: Caller, membership: Membership, team: Team, wanted: TeamChange) -> None:  # noqa: PLR0917
    """Change everything about a held team but its stacks: a step of the use case in common/stacks/sharing.py."""
    if directory_groups.changes_owned_fields(wanted):
        directory_groups.require_not_owned(tx, membership.org_id, team)
    require_texts(wanted.display_name, wanted.description)
    texts = {"display_name": wanted.display_name, "description": wanted.description}
    given = {column: text for column, text in texts.items() if text is not None}
    if given:
        teams.update_texts(tx, team.id, given)
    now_millis = unix_millis(backend.clock.now())
    if wanted.member is not None:
        _change_member(tx, membership, team, wanted.member, now_millis)
    if wanted.environments:
        _change_environments(tx, caller, membership, team, wanted, now_millis=now_millis)
    if told := wanted.told():
        audit.record(tx, backend, caller, membership.org_id, Event.TEAM_UPDATED, description=f"Team {team.name}: {told}")


def require_no_escalation(tx: Connection, membership: Membership, team: Team) -> None:
    """Raise Forbidden when a place in the team, or a token of it, gives more than an outsider holds: a step.

    The team gives its roles, and what it was given on stacks: whoever is not in it must hold that on every stack.
    """
    if membership.is_admin:
        return
    rules = teams.find_role_rules(tx, team.id)
    if ADMIN.id in rules:
        msg = f"team {team.name} has the admin role: only an admin of organization {membership.login} may add somebody to it"
        raise Forbidden(msg)
    if team.id in membership.team_ids:
        return
    held = [BY_ID[role_id].permissions if text is None else all_permissions(parse(text)) for role_id, text in rules.items()]
    membership.require_permissions(frozenset[Permission]().union(*held, *grants.list_permissions(tx, team.id)))


def founder(tx: Connection, caller: Caller, membership: Membership) -> Person | None:
    """Return the caller as a member of the organization, None for a machine."""
    if not caller.is_person:
        return None
    found = teams.lock_member(tx, membership.org_id, caller.login)
    if found is None:
        # The membership ended since the caller was looked up.
        raise NotFound(missing_org(membership.login))
    return found


def _change_member(tx: Connection, membership: Membership, team: Team, wanted: MemberChange, now_millis: int) -> None:
    match wanted.action:
        case MemberAction.ADD:
            _add_member(tx, membership, team, wanted.login, now_millis)
            return
        case MemberAction.REMOVE:
            is_done = teams.remove_member(tx, team.id, wanted.login)
        case MemberAction.PROMOTE:
            is_done = teams.update_member_role(tx, team.id, wanted.login, TeamRole.ADMIN)
        case MemberAction.DEMOTE:
            is_done = teams.update_member_role(tx, team.id, wanted.login, TeamRole.MEMBER)
    if not is_done:
        msg = f"{wanted.login[:100]!a} is not a member of team {team.name}"
        raise NotFound(msg)


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
    wanted: TeamChange,
    *,
    now_millis: int,
) -> None:
    # Environments are given by name, so only who decides about all of them may do it.
    if Permission.ENVIRONMENT_ACCESS_UPDATE not in membership.permissions():
        raise caller.refusal(Permission.ENVIRONMENT_ACCESS_UPDATE, membership)
    # As many as a request has members for, which is three.
    for one in wanted.environments:
        if one.level is not None:
            require_environment(one)
            teams.replace_environment(tx, team.id, one, now_millis)
        elif not teams.remove_environment(tx, team.id, one):
            msg = f"team {team.name} was given nothing on environment {f'{one.project}/{one.name}'[:201]!a}"
            raise NotFound(msg)


def _require(caller: Caller, membership: Membership, team: Team | None, name: str, permission: Permission) -> Team:
    """Return the team if the caller may do this to it, by a role or as its admin."""
    if team is None:
        raise _absent(caller, membership, name, permission)
    if permission not in membership.permissions_on(entity(team)) and team.id not in membership.administered_team_ids:
        raise caller.refusal(permission, membership)
    return team


def _absent(caller: Caller, membership: Membership, name: str, permission: Permission) -> BackendError:
    """Return the error for a team that is not there.

    Whoever may do neither this nor read teams learns nothing from the answer about which teams there are.
    """
    is_told = membership.permissions() & {permission, Permission.TEAM_READ}
    return missing(name) if is_told else caller.refusal(permission, membership)


def _may_know(membership: Membership, team_id: str) -> bool:
    is_readable = Permission.TEAM_READ in membership.permissions_on(Entity(EntityKind.TEAM, team_id))
    return is_readable or team_id in membership.team_ids


def entity(team: Team) -> Entity:
    """Return a team as the entity that permissions are checked on."""
    return Entity(EntityKind.TEAM, team.id)


def missing(name: str) -> NotFound:
    """Return the error for a team that does not exist, or that the caller may not know of."""
    return NotFound(f"Team {name[:100]!a} not found")
