"""Statements about the grants of teams and users on one stack."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, and_, select

from common.db.tables.access import stack_grants
from common.db.tables.people import members, team_members, teams, users
from common.db.tables.stacks import stacks
from common.people.teams.model import Team, TeamRole
from common.people.users.model import Person
from common.rights.membership import StackScope
from common.rights.permissions import Role, StackLevel
from common.stacks.repository.visibility import in_scopes


@dataclass(frozen=True, slots=True)
class TeamGrant:
    """A team and its level on a stack; NONE if it has a custom permission set."""

    id: str
    name: str
    display_name: str
    description: str
    level: StackLevel


@dataclass(frozen=True, slots=True)
class Collaborator:
    """A user and their level on a stack; NONE if they have a custom permission set."""

    person: Person
    level: StackLevel


@dataclass(frozen=True, slots=True)
class MemberAccess:
    """A member of the stack's organization: their role there, the teams with a grant on the stack, and their own level."""

    person: Person
    role: Role
    teams: list[tuple[Team, StackLevel]]
    level: StackLevel


def find_visible(connection: Connection, scope: StackScope, stack_ids: Collection[str]) -> frozenset[str]:
    """Return those stacks that a list shows to the caller."""
    query = select(stacks.c.id).where(stacks.c.id.in_(stack_ids), stacks.c.live == 1, in_scopes([scope]))
    return frozenset(connection.scalars(query))


def lock(tx: Connection, stack_id: str, org_id: str) -> bool:
    """Keep a live stack from being deleted or moved until the transaction ends. False if there is no such stack."""
    query = select(stacks.c.id).where(stacks.c.id == stack_id, stacks.c.org_id == org_id, stacks.c.live == 1)
    return tx.scalar(query.with_for_update(read=True)) is not None


def find_teams(connection: Connection, stack_id: str) -> list[TeamGrant]:
    """Return the teams with a grant on a stack, by name."""
    query = (
        select(teams.c.id, teams.c.name, teams.c.display_name, teams.c.description, stack_grants.c.permission)
        .join(stack_grants, stack_grants.c.principal_id == teams.c.id)
        .where(stack_grants.c.stack_id == stack_id)
        .order_by(teams.c.name)
    )
    return [TeamGrant(*row[:4], StackLevel(row.permission)) for row in connection.execute(query)]


def find_collaborators(connection: Connection, stack_id: str) -> list[Collaborator]:
    """Return the users with a grant on a stack, by login."""
    query = (
        select(users.c.id, users.c.login, users.c.name, users.c.email, users.c.avatar_url, stack_grants.c.permission)
        .join(stack_grants, stack_grants.c.principal_id == users.c.id)
        .where(stack_grants.c.stack_id == stack_id)
        .order_by(users.c.login)
    )
    return [Collaborator(Person(*row[:5]), StackLevel(row.permission)) for row in connection.execute(query)]


def find_member(connection: Connection, org_id: str, stack_id: str, login: str) -> MemberAccess | None:
    """Return where the permissions of a member on a stack come from, or None for a login that is no member's."""
    grants = stack_grants.alias()
    person = (users.c.id, users.c.login, users.c.name, users.c.email, users.c.avatar_url)
    row = connection.execute(
        select(*person, members.c.role, grants.c.permission)
        .join(members, members.c.user_id == users.c.id)
        .outerjoin(grants, and_(grants.c.principal_id == users.c.id, grants.c.stack_id == stack_id))
        .where(users.c.login == login, members.c.org_id == org_id)
    ).one_or_none()
    if row is None:
        return None
    level = StackLevel(row.permission or StackLevel.NONE)
    return MemberAccess(Person(*row[:5]), Role(row.role), _find_member_teams(connection, org_id, stack_id, row.id), level)


def _find_member_teams(connection: Connection, org_id: str, stack_id: str, user_id: str) -> list[tuple[Team, StackLevel]]:
    columns = (teams.c.id, teams.c.kind, teams.c.name, teams.c.display_name, teams.c.description, team_members.c.role)
    query = (
        select(*columns, stack_grants.c.permission)
        .join(team_members, team_members.c.team_id == teams.c.id)
        .join(stack_grants, stack_grants.c.principal_id == teams.c.id)
        .where(teams.c.org_id == org_id, team_members.c.user_id == user_id, stack_grants.c.stack_id == stack_id)
        .order_by(teams.c.name)
    )
    return [(Team(*row[:5], TeamRole(row.role)), StackLevel(row.permission)) for row in connection.execute(query)]


def find_collaborator_id(tx: Connection, stack_id: str, login: str) -> str | None:
    """Return the id of a user by login if they have a grant on a stack, or None."""
    query = (
        select(users.c.id)
        .join(stack_grants, stack_grants.c.principal_id == users.c.id)
        .where(stack_grants.c.stack_id == stack_id, users.c.login == login)
    )
    user_id: str | None = tx.scalar(query)
    return user_id
