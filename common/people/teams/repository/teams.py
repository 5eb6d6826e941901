"""Rows of teams, of their members, and of their grants on environments."""

from collections.abc import Collection, Sequence
from typing import Any, cast

from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    insert,
    literal,
    null,
    select,
    union_all,
    update,
)
from sqlalchemy import delete as delete_from

from common.db.tables.access import roles, stack_grants, team_roles
from common.db.tables.people import members, team_entities, team_members, teams, users
from common.db.tables.stacks import stacks
from common.people.teams.model import EnvironmentChange, EnvironmentGrant, Member, StackGrant, Team, TeamDetails, TeamRole
from common.people.users.model import Person
from common.rights.org_settings import EnvironmentLevel
from common.rights.permissions import StackLevel

_ENVIRONMENT = "environment"
_TEAM = (teams.c.id, teams.c.kind, teams.c.name, teams.c.display_name, teams.c.description)


def find_all(connection: Connection, org_id: str, user_id: str) -> list[Team]:
    """Return an organization's teams by name, with the role that a user has in each."""
    own = and_(team_members.c.team_id == teams.c.id, team_members.c.user_id == user_id)
    query: Select[Any] = (
        select(*_TEAM, team_members.c.role)
        .select_from(teams)
        .outerjoin(team_members, own)
        .where(teams.c.org_id == org_id)
        .order_by(teams.c.name)
    )
    return [_to_team(row, row.role) for row in connection.execute(query)]


def find(connection: Connection, org_id: str, name: str) -> Team | None:
    """Return a team by name, or None."""
    query: Select[Any] = select(*_TEAM).where(teams.c.org_id == org_id, teams.c.name == name)
    row = connection.execute(query).one_or_none()
    return _to_team(row) if row is not None else None


def lock(tx: Connection, org_id: str, name: str) -> Team | None:
    """Lock and return a team by name, or None."""
    query: Select[Any] = select(*_TEAM).where(teams.c.org_id == org_id, teams.c.name == name)
    row = tx.execute(query.with_for_update()).one_or_none()
    return _to_team(row) if row is not None else None


def lock_several(tx: Connection, org_id: str, names: Collection[str]) -> dict[str, str]:
    """Lock the teams with these names, so that they are not deleted, and return their ids by name."""
    query = select(teams.c.name, teams.c.id).where(teams.c.org_id == org_id, teams.c.name.in_(names)).order_by(teams.c.id)
    return {row.name: row.id for row in tx.execute(query.with_for_update(read=True))}


def find_details(connection: Connection, org_id: str, name: str) -> TeamDetails | None:
    """Return a team with its members, grants and roles, in one statement, or None."""
    rows = connection.execute(_DETAILS, {"org_id": org_id, "name": name}).all()
    row = next((row for row in rows if row.part == "team"), None)
    if row is None:
        return None
    return TeamDetails(
        Team(row.id, row.first, row.second, row.third, row.fourth),
        members=tuple(sorted(map(_to_member, _of("member", rows)), key=lambda member: member.person.login)),
        stacks=tuple(sorted(map(_to_stack, _of("stack", rows)), key=lambda grant: (grant.project, grant.name))),
        environments=tuple(sorted(map(_to_environment, _of(_ENVIRONMENT, rows)), key=lambda grant: (grant.project, grant.name))),
        role_ids=tuple(sorted(row.id for row in _of("role", rows))),
    )


def add(tx: Connection, org_id: str, team: Team, now_millis: int) -> None:
    """Insert a team; IntegrityError for a name that the organization has."""
    tx.execute(
        insert(teams).values(
            id=team.id,
            org_id=org_id,
            kind=team.kind,
            name=team.name,
            display_name=team.display_name,
            description=team.description,
            created_at=now_millis,
        ),
    )


def update_texts(tx: Connection, team_id: str, texts: dict[str, str]) -> None:
    """Change a team's display name, its description, or both."""
    tx.execute(update(teams).values(texts).where(teams.c.id == team_id))


def delete(tx: Connection, team_id: str) -> bool:
    """Delete a team with its members and grants on environments; False when it no longer exists."""
    if tx.execute(delete_from(teams).where(teams.c.id == team_id)).rowcount != 1:
        return False
    for table in (team_members, team_entities):
        tx.execute(delete_from(table).where(table.c.team_id == team_id))
    return True


def lock_member(tx: Connection, org_id: str, login: str) -> Person | None:
    """Lock and return a member of an organization by login, or None.

    A machine is not a member.
    """
    query = (
        select(users.c.id, users.c.login, users.c.name, users.c.email, users.c.avatar_url)
        .join(members, members.c.user_id == users.c.id)
        .where(members.c.org_id == org_id, users.c.login == login, users.c.is_machine.is_(False))
    )
    row = tx.execute(query.with_for_update(read=True, of=members)).one_or_none()
    return Person(*row) if row is not None else None


def add_member(tx: Connection, org_id: str, team_id: str, user_id: str, role: TeamRole, now_millis: int) -> None:  # noqa: PLR0917
    """Insert a member of a team; IntegrityError for a member."""
    tx.execute(insert(team_members).values(team_id=team_id, user_id=user_id, org_id=org_id, role=role, created_at=now_millis))


def remove_member(tx: Connection, team_id: str, login: str) -> bool:
    """Delete a member of a team; False for a user who is not a member."""
    return tx.execute(delete_from(team_members).where(*_of_login(team_id, login))).rowcount == 1


def remove_from_teams(tx: Connection, org_id: str, user_id: str) -> None:
    """Delete a user from all teams of an organization."""
    tx.execute(delete_from(team_members).where(team_members.c.user_id == user_id, team_members.c.org_id == org_id))


def update_member_role(tx: Connection, team_id: str, login: str, role: TeamRole) -> bool:
    """Change a member's role in a team; False for a user who is not a member."""
    return tx.execute(update(team_members).values(role=role).where(*_of_login(team_id, login))).rowcount == 1


def find_role_rules(tx: Connection, team_id: str) -> dict[str, str | None]:
    """Return a team's roles, by id, with the rules of custom ones."""
    query = (
        select(team_roles.c.role_id, roles.c.rules)
        .select_from(team_roles)
        .outerjoin(roles, roles.c.id == team_roles.c.role_id)
        .where(team_roles.c.team_id == team_id)
    )
    return {row.role_id: row.rules for row in tx.execute(query)}


def replace_environment(tx: Connection, team_id: str, change: EnvironmentChange, now_millis: int) -> None:
    """Store a team's grant on an environment in place of an earlier one. The team is locked."""
    remove_environment(tx, team_id, change)
    tx.execute(
        insert(team_entities).values(
            team_id=team_id,
            kind=_ENVIRONMENT,
            project=change.project,
            name=change.name,
            permission=change.level,
            max_open_duration=change.max_open_duration,
            created_at=now_millis,
        ),
    )


def remove_environment(tx: Connection, team_id: str, change: EnvironmentChange) -> bool:
    """Delete a team's grant on an environment; False when it does not exist."""
    columns = team_entities.c
    is_grant = (
        columns.team_id == team_id,
        columns.kind == _ENVIRONMENT,
        columns.project == change.project,
        columns.name == change.name,
    )
    return tx.execute(delete_from(team_entities).where(*is_grant)).rowcount == 1


def _of_login(team_id: str, login: str) -> tuple[Any, ...]:
    user_id = select(users.c.id).where(users.c.login == login).scalar_subquery()
    return team_members.c.team_id == team_id, team_members.c.user_id == user_id


def _of(part: str, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    return [row for row in rows if row.part == part]


def _to_team(row: Row[Any], role: str | None = None) -> Team:
    return Team(row.id, row.kind, row.name, row.display_name, row.description, TeamRole(role or TeamRole.NONE))


def _to_member(row: Row[Any]) -> Member:
    return Member(Person(row.id, row.first, row.second, row.third, row.fourth), TeamRole(row.fifth))


def _to_stack(row: Row[Any]) -> StackGrant:
    return StackGrant(row.id, row.first, row.second, StackLevel(row.number), row.third or "")


def _to_environment(row: Row[Any]) -> EnvironmentGrant:
    return EnvironmentGrant(row.first, row.second, cast("EnvironmentLevel", row.third), row.fourth)


def _part(name: str, row_id: Any, *texts: Any, number: Any = None) -> Select[Any]:  # noqa: ANN401 - columns
    """Return the query of one part of a team, all of them in the same columns."""
    named = zip(("first", "second", "third", "fourth", "fifth"), (*texts, *[null()] * (5 - len(texts))), strict=True)
    return select(
        literal(name).label("part"),
        row_id.label("id"),
        *(text.label(label) for label, text in named),
        (number if number is not None else null()).label("number"),
    ).where(teams.c.org_id == bindparam("org_id"), teams.c.name == bindparam("name"))


# Built once, without ORDER BY: with one, MySQL would put the union into a temporary table.
_DETAILS = union_all(
    _part("team", teams.c.id, teams.c.kind, teams.c.name, teams.c.display_name, teams.c.description),
    _part("member", users.c.id, users.c.login, users.c.name, users.c.email, users.c.avatar_url, team_members.c.role)
    .select_from(teams)
    .join(team_members, team_members.c.team_id == teams.c.id)
    .join(users, users.c.id == team_members.c.user_id),
    _part("stack", stacks.c.id, stacks.c.project, stacks.c.name, roles.c.name, number=stack_grants.c.permission)
    .select_from(teams)
    .join(stack_grants, stack_grants.c.principal_id == teams.c.id)
    .join(stacks, and_(stacks.c.id == stack_grants.c.stack_id, stacks.c.live == 1))
    .outerjoin(roles, roles.c.id == stack_grants.c.set_id),
    _part(
        _ENVIRONMENT,
        team_entities.c.team_id,
        team_entities.c.project,
        team_entities.c.name,
        team_entities.c.permission,
        team_entities.c.max_open_duration,
    )
    .select_from(teams)
    .join(team_entities, and_(team_entities.c.team_id == teams.c.id, team_entities.c.kind == _ENVIRONMENT)),
    _part("role", team_roles.c.role_id).select_from(teams).join(team_roles, team_roles.c.team_id == teams.c.id),
)
