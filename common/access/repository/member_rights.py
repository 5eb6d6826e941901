"""What a member of an organization may do, without a token of theirs: for answers about other people."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, and_, literal, null, select

from common.access.repository.tokens import to_membership
from common.db.tables.access import roles, stack_grants, team_roles
from common.db.tables.people import members, organizations, team_members, teams, users
from common.rights.built_in import BY_ID
from common.rights.caller import Caller, TokenKind
from common.rights.descriptor import Descriptor
from common.rights.membership import Grant, Membership
from common.rights.permissions import StackLevel
from common.rights.rules import parse

# A query that names users by its column `user_id`.
UserQuery = Select[Any]


@dataclass(frozen=True, slots=True)
class NamedRole:
    """A custom or built-in role of a member, their own or that of a team."""

    name: str
    rules: Descriptor
    team: str = ""


@dataclass(frozen=True, slots=True)
class NamedGrant:
    """A grant on a stack: the member's own or that of a team, with the name of its custom permission set, if it has one."""

    grant: Grant
    team: str = ""
    set_name: str = ""


@dataclass(frozen=True, slots=True)
class MemberRights:
    """A member with their membership as requests of theirs have it, and the names of the roles in it."""

    user_id: str
    login: str
    suspended: bool
    membership: Membership
    roles: tuple[NamedRole, ...]


class NamedMember(NamedTuple):
    """A member whom a row of a query names, and the row."""

    row: Row[Any]
    rights: MemberRights


class _TeamRole(NamedTuple):
    """A team of a member, with one of the team's roles."""

    team_id: str
    role: str
    role_id: str | None
    rules: str | None


def find(connection: Connection, org_id: str, login: str, now_millis: int) -> MemberRights | None:
    """Return a member by login, suspended or not, or None. Two statements."""
    row = connection.execute(_MEMBER.where(members.c.org_id == org_id, users.c.login == login)).one_or_none()
    if row is None:
        return None
    of_teams = connection.execute(_TEAMS.where(team_members.c.org_id == org_id, team_members.c.user_id == row.id)).all()
    membership = to_membership(row, of_teams, now_millis)
    named = [_named(row, ""), *(_named(team, team.team_name) for team in of_teams)]
    return MemberRights(row.id, row.login, bool(row.suspended), membership, tuple(role for role in named if role is not None))


def list_named(connection: Connection, org_id: str, query: UserQuery, now_millis: int) -> list[NamedMember]:
    """Return the members that the rows of a query name by their column `user_id`, each with the row. One statement.

    The columns of the query are there with `named_` before their names. Rows that name no member are left out.
    """
    named = query.subquery("named")
    in_team = and_(team_members.c.org_id == members.c.org_id, team_members.c.user_id == members.c.user_id)
    statement = (
        _MEMBER.join(named, named.c.user_id == members.c.user_id)
        .outerjoin(team_members, in_team)
        .outerjoin(team_roles, team_roles.c.team_id == team_members.c.team_id)
        .outerjoin(_OF_TEAM, _OF_TEAM.c.id == team_roles.c.role_id)
        .add_columns(
            *(column.label(f"named_{column.name}") for column in named.c),
            team_members.c.team_id,
            team_members.c.role.label("team_role"),
            team_roles.c.role_id.label("team_role_id"),
            _OF_TEAM.c.rules.label("team_rules"),
        )
        .where(members.c.org_id == org_id)
    )
    by_name: dict[tuple[object, ...], list[Row[Any]]] = {}
    for row in connection.execute(statement):
        by_name.setdefault(tuple(getattr(row, f"named_{column.name}") for column in named.c), []).append(row)
    return [NamedMember(rows[0], _rights(rows, now_millis)) for rows in by_name.values()]


def find_caller(connection: Connection, org_id: str, user_id: str, now_millis: int) -> Caller | None:
    """Return a member who is not suspended as the caller of their own requests in that organization alone, or None.

    Whether they must sign in again is not asked: they do not make the request themselves.
    """
    is_member = (members.c.org_id == org_id, users.c.id == user_id, members.c.suspended.is_(False))
    row = connection.execute(_MEMBER.where(*is_member)).one_or_none()
    if row is None:
        return None
    of_teams = connection.execute(_TEAMS.where(team_members.c.org_id == org_id, team_members.c.user_id == user_id)).all()
    membership = replace(to_membership(row, of_teams, now_millis), saml_problem=None)
    return Caller(
        user_id=row.id,
        login=row.login,
        name=row.user_name,
        email=row.email,
        avatar_url=row.avatar_url,
        site_admin=False,
        default_org_id=None,
        memberships=(membership,),
        token_id="",
    )


def find_grants(connection: Connection, stack_id: str, rights: MemberRights) -> list[NamedGrant]:
    """Return the grants of a member and of their teams on a stack."""
    query = (
        select(stack_grants.c.permission, roles.c.rules, roles.c.name, teams.c.name.label("team"))
        .outerjoin(roles, roles.c.id == stack_grants.c.set_id)
        .outerjoin(teams, teams.c.id == stack_grants.c.principal_id)
        .where(
            stack_grants.c.stack_id == stack_id,
            stack_grants.c.principal_id.in_([rights.user_id, *rights.membership.team_ids]),
        )
    )
    return [
        NamedGrant(
            Grant(StackLevel(row.permission), parse(row.rules) if row.rules is not None else None), row.team or "", row.name or ""
        )
        for row in connection.execute(query)
    ]


def _rights(rows: list[Row[Any]], now_millis: int) -> MemberRights:
    """Return the rights of a member, of whom there is a row for each role of each team. Roles have no names here."""
    row = rows[0]
    of_teams = [_TeamRole(one.team_id, one.team_role, one.team_role_id, one.team_rules) for one in rows if one.team_id]
    return MemberRights(row.id, row.login, bool(row.suspended), to_membership(row, of_teams, now_millis), ())


def _named(row: Row[Any], team: str) -> NamedRole | None:
    if row.rules is not None:
        return NamedRole(row.role_name, parse(row.rules), team)
    record = BY_ID.get(row.role_id)
    return NamedRole(record.name, record.descriptor, team) if record is not None else None


_OF_TEAM = roles.alias("roles_of_team")
# The columns of a token are those of one that may be used: the question is what the member may do, not what a token may.
_MEMBER: Select[Any] = (
    select(
        users.c.id,
        users.c.login,
        users.c.name.label("user_name"),
        users.c.email,
        users.c.avatar_url,
        members.c.suspended,
        literal(TokenKind.PERSONAL.value).label("kind"),
        literal(0).label("is_admin"),
        literal(0).label("created_at"),
        literal(0).label("expires_at"),
        null().label("issuer_id"),
        organizations.c.id.label("org_id"),
        organizations.c.login.label("org_login"),
        organizations.c.name.label("org_name"),
        organizations.c.avatar_url.label("org_avatar_url"),
        organizations.c.personal_user_id,
        organizations.c.settings,
        members.c.role,
        members.c.saml_at,
        members.c.role_id,
        roles.c.rules,
        roles.c.name.label("role_name"),
    )
    .select_from(members)
    .join(users, users.c.id == members.c.user_id)
    .join(organizations, organizations.c.id == members.c.org_id)
    .outerjoin(roles, roles.c.id == members.c.role_id)
)
_TEAMS: Select[Any] = (
    select(
        team_members.c.team_id,
        team_members.c.role,
        team_roles.c.role_id,
        roles.c.rules,
        roles.c.name.label("role_name"),
        teams.c.name.label("team_name"),
    )
    .select_from(team_members)
    .join(teams, teams.c.id == team_members.c.team_id)
    .outerjoin(team_roles, team_roles.c.team_id == team_members.c.team_id)
    .outerjoin(roles, roles.c.id == team_roles.c.role_id)
)
