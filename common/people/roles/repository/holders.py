"""Members, teams, tokens and grants with a role. Reads tables of other areas, and writes only team_roles."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select

from common.db.tables.access import access_tokens, role_references, roles, stack_grants, team_roles
from common.db.tables.people import invites, members, teams, users
from common.db.tables.stacks import stacks
from common.people.roles.model import Holders, Purpose, TeamSummary, TokenSummary
from common.people.users.model import Person
from common.rights import built_in
from common.rights.permissions import Role

_OF_ORGANIZATION = "organization"


def count(tx: Connection, org_id: str, role_id: str, now_millis: int) -> Holders:
    """Return how many things have a custom record, and how many compose it."""
    is_live = or_(access_tokens.c.expires_at.is_(None), access_tokens.c.expires_at > now_millis)
    row = tx.execute(
        select(
            _number(members, members.c.role_id == role_id),
            _number(invites, and_(invites.c.org_id == org_id, invites.c.role_id == role_id, invites.c.expires_at > now_millis)),
            _number(team_roles, team_roles.c.role_id == role_id),
            _number(access_tokens, and_(access_tokens.c.role_id == role_id, access_tokens.c.revoked_at.is_(None), is_live)),
            _number(stack_grants, stack_grants.c.set_id == role_id),
            _number(role_references, role_references.c.composed_id == role_id),
        ),
    ).one()
    return Holders(*row)


def find_people(connection: Connection, org_id: str, role_id: str) -> list[Person]:
    """Return the members who have a role themselves, by login."""
    query = (
        select(users.c.id, users.c.login, users.c.name, users.c.email, users.c.avatar_url)
        .join(members, members.c.user_id == users.c.id)
        .where(members.c.org_id == org_id, _of_member(role_id))
        .order_by(users.c.login)
    )
    return [Person(*row) for row in connection.execute(query)]


def find_teams(connection: Connection, org_id: str, role_id: str) -> list[TeamSummary]:
    """Return the teams with a role, by name."""
    query = (
        select(*_TEAM)
        .join(team_roles, team_roles.c.team_id == teams.c.id)
        .where(teams.c.org_id == org_id, team_roles.c.role_id == role_id)
        .order_by(teams.c.name)
    )
    return [TeamSummary(*row) for row in connection.execute(query)]


def find_tokens(connection: Connection, org_id: str, role_id: str) -> list[TokenSummary]:
    """Return the organization's tokens with a role that are not revoked, by name."""
    query = (
        select(
            access_tokens.c.id,
            access_tokens.c.name,
            access_tokens.c.description,
            access_tokens.c.created_at,
            access_tokens.c.last_used_at,
            access_tokens.c.expires_at,
            access_tokens.c.is_admin,
            users.c.login,
        )
        .outerjoin(users, users.c.id == access_tokens.c.created_by)
        .where(
            access_tokens.c.org_id == org_id,
            access_tokens.c.kind == _OF_ORGANIZATION,
            access_tokens.c.revoked_at.is_(None),
            _of_token(role_id),
        )
        .order_by(access_tokens.c.name)
    )
    return [TokenSummary(*row[:6], bool(row[6]), row[7] or "") for row in connection.execute(query)]


def find_team(connection: Connection, org_id: str, name: str) -> TeamSummary | None:
    """Return a team by name, or None."""
    row = connection.execute(select(*_TEAM).where(teams.c.org_id == org_id, teams.c.name == name)).one_or_none()
    return TeamSummary(*row) if row is not None else None


def lock_team(tx: Connection, team_id: str) -> bool:
    """Lock a team; False when it no longer exists."""
    return tx.scalar(select(teams.c.id).where(teams.c.id == team_id).with_for_update()) is not None


def find_private_role(tx: Connection, team_id: str) -> str | None:
    """Return the id of a team's private role, or None."""
    query = (
        select(roles.c.id)
        .join(team_roles, team_roles.c.role_id == roles.c.id)
        .where(team_roles.c.team_id == team_id, roles.c.purpose == Purpose.ROLE_PRIVATE)
    )
    role_id: str | None = tx.scalar(query.order_by(roles.c.id).limit(1))
    return role_id


def find_grants(tx: Connection, team_id: str) -> list[tuple[str, int, str | None]]:
    """Return a team's grants on stacks: the stack, the level, and the id of a custom permission set or None."""
    query = (
        select(stack_grants.c.stack_id, stack_grants.c.permission, stack_grants.c.set_id)
        .join(stacks, stacks.c.id == stack_grants.c.stack_id)
        .where(stack_grants.c.principal_id == team_id)
        .order_by(stack_grants.c.stack_id)
    )
    return [(row.stack_id, row.permission, row.set_id) for row in tx.execute(query)]


def add_team_role(tx: Connection, team_id: str, role_id: str, now_millis: int) -> None:
    """Insert a role of a team unless the team has it."""
    existing = select(team_roles.c.role_id).where(team_roles.c.team_id == team_id, team_roles.c.role_id == role_id)
    if tx.scalar(existing) is None:
        tx.execute(insert(team_roles).values(team_id=team_id, role_id=role_id, created_at=now_millis))


def remove_team_role(tx: Connection, team_id: str, role_id: str) -> bool:
    """Delete a role of a team; False when the team does not have it."""
    is_role = (team_roles.c.team_id == team_id, team_roles.c.role_id == role_id)
    return tx.execute(delete(team_roles).where(*is_role)).rowcount == 1


def remove_team_roles(tx: Connection, team_id: str) -> None:
    """Delete all roles of a team."""
    tx.execute(delete(team_roles).where(team_roles.c.team_id == team_id))


def is_unused(tx: Connection, role_id: str) -> bool:
    """Tell whether no member, team, token or record uses a record."""
    counts = (
        _number(members, members.c.role_id == role_id),
        _number(team_roles, team_roles.c.role_id == role_id),
        _number(access_tokens, and_(access_tokens.c.role_id == role_id, access_tokens.c.revoked_at.is_(None))),
        _number(role_references, role_references.c.composed_id == role_id),
    )
    return not any(tx.execute(select(*counts)).one())


_TEAM = (teams.c.id, teams.c.kind, teams.c.name, teams.c.display_name, teams.c.description)


def _number(table: Any, condition: ColumnElement[bool]) -> Any:  # noqa: ANN401 - a table, and a query as a column
    return select(func.count()).select_from(table).where(condition).scalar_subquery()


def _of_member(role_id: str) -> ColumnElement[bool]:
    role = built_in.role_of(role_id)
    is_named = members.c.role_id == role_id
    return is_named if role is None else or_(is_named, and_(members.c.role_id.is_(None), members.c.role == role))


def _of_token(role_id: str) -> ColumnElement[bool]:
    """Return the condition that a token has a role: a token without a role of its own is an admin or a member."""
    is_named = access_tokens.c.role_id == role_id
    role = built_in.role_of(role_id)
    if role not in (Role.ADMIN, Role.MEMBER):
        return is_named
    return or_(is_named, and_(access_tokens.c.role_id.is_(None), access_tokens.c.is_admin.is_(role is Role.ADMIN)))
