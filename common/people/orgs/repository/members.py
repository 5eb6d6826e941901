"""Rows of members, with what lists show about them."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, case, delete, func, null, or_, select, update

from common.db.tables.access import roles
from common.db.tables.people import invites, members, organizations, team_members, teams, users
from common.db.tables.stacks import stacks
from common.db.text import contains
from common.people.orgs.model import Counts, Member, MemberFilter, MemberRole, RoleSummary
from common.people.users.model import Person
from common.rights.built_in import role_of
from common.rights.permissions import Role

_MEMBERS: Select[Any] = (
    select(
        members.c.user_id,
        users.c.login,
        users.c.name,
        users.c.email,
        users.c.avatar_url,
        members.c.role,
        members.c.role_id,
        members.c.suspended,
        members.c.created_at,
        roles.c.name.label("role_name"),
        roles.c.modified_at,
    )
    .join(users, users.c.id == members.c.user_id)
    .outerjoin(roles, roles.c.id == members.c.role_id)
)


def lock(tx: Connection, org_id: str) -> None:
    """Lock an organization, so that one transaction at a time changes its members: one admin must be left."""
    tx.execute(select(organizations.c.id).where(organizations.c.id == org_id).with_for_update())


def find_user_id(connection: Connection, login: str) -> str | None:
    """Return the id of the user with this login who is not a machine, or None."""
    user_id: str | None = connection.scalar(select(users.c.id).where(users.c.login == login, users.c.is_machine.is_(False)))
    return user_id


def find(connection: Connection, org_id: str, login: str) -> Member | None:
    """Return a member by login, suspended or not, or None."""
    row = connection.execute(_MEMBERS.where(members.c.org_id == org_id, users.c.login == login)).one_or_none()
    return _to_member(row) if row is not None else None


def is_member(connection: Connection, org_id: str, user_id: str) -> bool:
    """Tell whether a user is a member, suspended or not."""
    query = select(members.c.user_id).where(members.c.org_id == org_id, members.c.user_id == user_id)
    return connection.scalar(query) is not None


def page(connection: Connection, org_id: str, *, with_suspended: bool, after: str | None, limit: int) -> list[Member]:
    """Return members by login, after one of them."""
    query = _MEMBERS.where(members.c.org_id == org_id).order_by(users.c.login).limit(limit)
    if not with_suspended:
        query = query.where(members.c.suspended.is_(False))
    if after is not None:
        query = query.where(users.c.login > after)
    return [_to_member(row) for row in connection.execute(query)]


def search(connection: Connection, org_id: str, narrowed: MemberFilter, *, limit: int, offset: int) -> list[Member]:
    """Return some of the members that a filter finds, by login."""
    query = _MEMBERS.where(*_conditions(org_id, narrowed)).order_by(users.c.login)
    return [_to_member(row) for row in connection.execute(query.limit(limit).offset(offset))]


def count_found(connection: Connection, org_id: str, narrowed: MemberFilter) -> int:
    """Return how many members a filter finds."""
    query = select(func.count()).select_from(members).join(users, users.c.id == members.c.user_id)
    return connection.scalar(query.where(*_conditions(org_id, narrowed))) or 0


def has_other_admin(tx: Connection, org_id: str, user_id: str) -> bool:
    """Tell whether another admin may sign in."""
    query = select(members.c.user_id).where(
        members.c.org_id == org_id,
        members.c.user_id != user_id,
        members.c.role == Role.ADMIN,
        members.c.suspended.is_(False),
    )
    return tx.scalar(query.order_by(members.c.user_id).limit(1)) is not None


def set_suspended(tx: Connection, org_id: str, user_id: str, *, suspended: bool) -> bool:
    """Suspend a member or lift the suspension; False when nothing changed."""
    is_member = (members.c.org_id == org_id, members.c.user_id == user_id, members.c.suspended.is_(not suspended))
    return tx.execute(update(members).values(suspended=suspended).where(*is_member)).rowcount == 1


def update_role(tx: Connection, org_id: str, user_id: str, role: MemberRole) -> None:
    """Give a member another role."""
    is_member = (members.c.org_id == org_id, members.c.user_id == user_id)
    tx.execute(update(members).values(role=role.built_in, role_id=role.custom_id).where(*is_member))


def clear_role(tx: Connection, org_id: str, role_id: str) -> None:
    """Remove a custom role from members and invitations, which keep their built-in role."""
    tx.execute(update(members).values(role_id=None).where(members.c.role_id == role_id))
    tx.execute(update(invites).values(role_id=None).where(invites.c.org_id == org_id, invites.c.role_id == role_id))


def set_sole_admin(tx: Connection, org_id: str, user_id: str) -> None:
    """Make one member an admin, and all other admins plain members."""
    is_sole_admin = members.c.user_id == user_id
    tx.execute(
        update(members)
        .values(role=case((is_sole_admin, Role.ADMIN.value), else_=Role.MEMBER.value), role_id=null())
        .where(members.c.org_id == org_id, or_(is_sole_admin, members.c.role == Role.ADMIN)),
    )


def remove(tx: Connection, org_id: str, user_id: str) -> None:
    """Delete a member."""
    tx.execute(delete(members).where(members.c.org_id == org_id, members.c.user_id == user_id))


def find_teams(connection: Connection, org_id: str, user_id: str) -> list[str]:
    """Return the names of a user's teams, in order."""
    query = (
        select(teams.c.name)
        .join(team_members, team_members.c.team_id == teams.c.id)
        .where(teams.c.org_id == org_id, team_members.c.user_id == user_id)
        .order_by(teams.c.name)
    )
    return list(connection.scalars(query))


def find_role_rules(tx: Connection, org_id: str, role_ids: Collection[str]) -> dict[str, str]:
    """Return the rules of the organization's custom roles among the ids; permission sets and policies are left out."""
    is_among = roles.c.id.in_(bindparam("ids", sorted(role_ids), expanding=True))
    query = select(roles.c.id, roles.c.rules).where(is_among, roles.c.org_id == org_id, roles.c.purpose == "role")
    return {row.id: row.rules for row in tx.execute(query)}


def count(connection: Connection, org_id: str) -> Counts | None:
    """Return an organization's counts in one statement, or None without it; suspended members do not count."""
    people = _number(members.c.user_id, and_(members.c.org_id == org_id, members.c.suspended.is_(False)))
    live = _number(stacks.c.id, and_(stacks.c.org_id == org_id, stacks.c.live == 1))
    row = connection.execute(select(organizations.c.created_at, people, live).where(organizations.c.id == org_id)).one_or_none()
    return Counts(*row) if row is not None else None


def _conditions(org_id: str, narrowed: MemberFilter) -> list[ColumnElement[bool]]:
    conditions = [members.c.org_id == org_id]
    if narrowed.text:
        conditions.append(or_(*(contains(column, narrowed.text) for column in (users.c.login, users.c.name, users.c.email))))
    if narrowed.role_id:
        built_in = role_of(narrowed.role_id)
        has_built_in = and_(members.c.role == built_in, members.c.role_id.is_(None))
        conditions.append(has_built_in if built_in is not None else members.c.role_id == narrowed.role_id)
    if narrowed.suspended is not None:
        conditions.append(members.c.suspended.is_(narrowed.suspended))
    return conditions


def _number(column: Any, condition: Any) -> Any:  # noqa: ANN401 - a column, a condition, and a query as a column
    return select(func.count(column)).where(condition).scalar_subquery()


def _to_member(row: Row[Any]) -> Member:
    custom = RoleSummary(row.role_id, row.role_name, row.modified_at) if row.role_name is not None else None
    person = Person(row.user_id, row.login, row.name, row.email, row.avatar_url)
    return Member(person, Role(row.role), custom, bool(row.suspended), row.created_at)
