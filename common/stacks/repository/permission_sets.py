"""Statements about the grants on one stack, and the permission sets that can be assigned there."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, or_, select

from common.db.tables.access import roles, stack_grants
from common.db.tables.people import members, teams, users
from common.people.users.model import Person
from common.rights.permissions import StackLevel

_SET = "set"
_RESOURCE_TYPES = ("stack", "global")


@dataclass(frozen=True, slots=True)
class StackGrant:
    """A grant of a user or a team: a level, or a custom permission set. A team has no `person`, a user no names of a team."""

    person: Person | None
    team_name: str
    display_name: str
    level: StackLevel
    set_id: str | None
    set_name: str
    set_resource_type: str


@dataclass(frozen=True, slots=True)
class CustomSet:
    """A custom permission set that can be assigned on a stack."""

    id: str
    name: str
    resource_type: str


def find_grants(connection: Connection, stack_id: str, principal_id: str | None = None) -> list[StackGrant]:
    """Return the grants on a stack, those of users first, by name; or the grant of one user or team."""
    query: Select[Any] = (
        select(
            users.c.id,
            users.c.login,
            users.c.name,
            users.c.email,
            users.c.avatar_url,
            teams.c.name.label("team_name"),
            teams.c.display_name,
            stack_grants.c.permission,
            stack_grants.c.set_id,
            roles.c.name.label("set_name"),
            roles.c.resource_type,
        )
        .select_from(stack_grants)
        .outerjoin(users, and_(users.c.id == stack_grants.c.principal_id, stack_grants.c.is_team.is_(False)))
        .outerjoin(teams, and_(teams.c.id == stack_grants.c.principal_id, stack_grants.c.is_team.is_(True)))
        .outerjoin(roles, roles.c.id == stack_grants.c.set_id)
        .where(stack_grants.c.stack_id == stack_id, or_(users.c.id.is_not(None), teams.c.id.is_not(None)))
        .order_by(stack_grants.c.is_team, users.c.login, teams.c.name)
    )
    if principal_id is not None:
        query = query.where(stack_grants.c.principal_id == principal_id)
    return [_to_grant(row) for row in connection.execute(query)]


def find_custom_sets(connection: Connection, org_id: str) -> list[CustomSet]:
    """Return the organization's permission sets that can be assigned on a stack, by name."""
    query = select(roles.c.id, roles.c.name, roles.c.resource_type).where(
        roles.c.org_id == org_id, roles.c.purpose == _SET, roles.c.resource_type.in_(_RESOURCE_TYPES)
    )
    return [CustomSet(*row) for row in connection.execute(query.order_by(roles.c.name))]


def lock_rules(tx: Connection, org_id: str, set_id: str) -> str | None:
    """Return the rules of a permission set that can be assigned on a stack, or None, and keep it from being deleted."""
    query = select(roles.c.rules).where(
        roles.c.id == set_id, roles.c.org_id == org_id, roles.c.purpose == _SET, roles.c.resource_type.in_(_RESOURCE_TYPES)
    )
    rules: str | None = tx.scalar(query.with_for_update(read=True))
    return rules


def find_member(tx: Connection, org_id: str, id_or_login: str) -> Person | None:
    """Return the member of an organization with an id, otherwise the one with that login, or None."""
    query = (
        select(users.c.id, users.c.login, users.c.name, users.c.email, users.c.avatar_url)
        .join(members, members.c.user_id == users.c.id)
        .where(members.c.org_id == org_id, or_(users.c.id == id_or_login, users.c.login == id_or_login))
    )
    people = [Person(*row) for row in tx.execute(query)]
    return next((person for person in people if person.id == id_or_login), people[0] if people else None)


def _to_grant(row: Row[Any]) -> StackGrant:
    person = Person(row.id, row.login, row.name, row.email, row.avatar_url) if row.id is not None else None
    return StackGrant(
        person,
        row.team_name or "",
        row.display_name or "",
        StackLevel(row.permission),
        row.set_id,
        row.set_name or "",
        row.resource_type or "",
    )
