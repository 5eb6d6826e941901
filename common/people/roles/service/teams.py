"""Roles of teams, which every member and every token of the team has."""

from collections.abc import Sequence

from sqlalchemy import Connection

from common.access import grants
from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Forbidden, NotFound
from common.db.retry import retry
from common.people.roles import steps
from common.people.roles.built_in import built_in_records
from common.people.roles.model import NewRecord, Purpose, Record, TeamSummary
from common.people.roles.repository import holders, roles
from common.rights import descriptor as d
from common.rights.built_in import ADMIN, LEVEL_SETS
from common.rights.caller import Caller
from common.rights.membership import Membership
from common.rights.permissions import Permission, StackLevel

_GLOBAL = "global"


def list_team_roles(backend: Backend, caller: Caller, org: str, team: str) -> list[Record]:
    """Return the roles of a team, built-in ones first."""
    membership = steps.require(caller, Permission.TEAM_READ, org)
    with backend.db.connect() as connection:
        team_id = _get_team(connection, membership, team).id
        custom, ids = roles.find_of_teams(connection, membership.org_id, [team_id])
    built_in = [record for record in built_in_records(membership.org_id) if record.id in ids]
    return steps.mark_default([*built_in, *custom], membership.settings)


def add_team_role(backend: Backend, caller: Caller, org: str, team: str, role_id: str) -> None:
    """Give a team a role; a repeat changes nothing. Forbidden for a role with more permissions than the caller has."""
    membership = steps.require(caller, Permission.ROLE_UPDATE, org)

    def add() -> None:
        with backend.db.begin() as tx:
            roles.lock(tx, membership.org_id)
            team_id = _lock_team(tx, membership, team).id
            record = steps.get(tx, membership.org_id, role_id)
            if not record.purpose.is_role:
                raise BadRequest(f"{record.name!a} is a {record.purpose}, and a team can only have roles")
            if record.id == ADMIN.id and not membership.is_admin:
                raise Forbidden(f"only an admin of organization {membership.login} can make a team's members admins")
            membership.require_permissions(d.all_permissions(steps.get_rules(tx, record)))
            holders.add_team_role(tx, team_id, record.id, unix_millis(backend.clock.now()))
            _record(tx, backend, caller, membership, f"Team {team}: given role {record.name}")

    retry(add)


def remove_team_role(backend: Backend, caller: Caller, org: str, team: str, role_id: str) -> None:
    """Remove a role from a team; NotFound when the team does not have it."""
    membership = steps.require(caller, Permission.ROLE_UPDATE, org)

    def remove() -> None:
        with backend.db.begin() as tx:
            summary = _get_team(tx, membership, team)
            if not holders.remove_team_role(tx, summary.id, role_id):
                raise NotFound(f"team {summary.name!a} does not have role {role_id[:100]!a}")
            _record(tx, backend, caller, membership, f"Team {summary.name}: role {role_id[:100]} removed")

    retry(remove)


def enable_team_roles(backend: Backend, caller: Caller, org: str, team: str) -> Record:
    """Turn a team's grants on single stacks into a private role of the team, and return it; a repeat returns the same."""
    membership = steps.require(caller, Permission.ROLE_UPDATE, org)

    def enable() -> Record:
        with backend.db.begin() as tx:
            roles.lock(tx, membership.org_id)
            summary = _lock_team(tx, membership, team)
            private_id = holders.find_private_role(tx, summary.id)
            if private_id is not None:
                return steps.get(tx, membership.org_id, private_id)
            role = _create_private_role(tx, backend, membership, summary)
            _record(tx, backend, caller, membership, f"Team {summary.name}: turned its grants on stacks into a role")
            return role

    return retry(enable)


def _record(tx: Connection, backend: Backend, caller: Caller, membership: Membership, description: str) -> None:
    audit.record(tx, backend, caller, membership.org_id, Event.TEAM_UPDATED, description=description)


def _create_private_role(tx: Connection, backend: Backend, membership: Membership, team: TeamSummary) -> Record:
    now_millis = unix_millis(backend.clock.now())
    details = d.encode(_to_descriptor(holders.find_grants(tx, team.id)))
    description = f"What team {team.name} was given on single stacks."
    new = NewRecord(team.name, description, Purpose.ROLE_PRIVATE, _GLOBAL, details)
    # The team has these permissions already, so the caller need not have them.
    record = steps.create(tx, membership, new, now_millis, is_held=True)
    holders.add_team_role(tx, team.id, record.id, now_millis)
    grants.delete_of_principal(tx, team.id)
    return record


def _to_descriptor(grants_on_stacks: Sequence[tuple[str, int, str | None]]) -> d.Descriptor:
    """Return grants as a descriptor: each permission set with its stacks."""
    stacks_of: dict[str, list[str]] = {}
    for stack_id, level, set_id in grants_on_stacks:
        if StackLevel(level) is not StackLevel.NONE:
            stacks_of.setdefault(LEVEL_SETS[StackLevel(level)].id, []).append(stack_id)
        if set_id is not None:
            stacks_of.setdefault(set_id, []).append(stack_id)
    return d.Group(
        entries=[
            d.Condition(
                condition=d.In(target=d.Stack(), values=d.SetStack(identities=ids)),
                sub_node=d.Compose(permission_descriptors=[set_id]),
            )
            for set_id, ids in sorted(stacks_of.items())
        ],
    )


def _lock_team(tx: Connection, membership: Membership, team: str) -> TeamSummary:
    summary = _get_team(tx, membership, team)
    if not holders.lock_team(tx, summary.id):
        raise _missing(team)
    return summary


def _get_team(connection: Connection, membership: Membership, team: str) -> TeamSummary:
    summary = holders.find_team(connection, membership.org_id, team)
    if summary is None:
        raise _missing(team)
    return summary


def _missing(team: str) -> NotFound:
    return NotFound(f"Team {team[:100]!a} not found")
