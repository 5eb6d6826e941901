"""Statements about what teams and people were given on one stack."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, select

from common.db.tables.access import stack_grants
from common.db.tables.people import teams, users
from common.db.tables.stacks import stacks
from common.rights.membership import StackScope
from common.rights.permissions import StackLevel
from common.stacks.repository.visibility import in_scopes


@dataclass(frozen=True, slots=True)
class TeamOnStack:
    """A team and what it was given on a stack; NONE when that is a custom permission set."""

    id: str
    name: str
    display_name: str
    description: str
    level: StackLevel


@dataclass(frozen=True, slots=True)
class Collaborator:
    """A person and what they were given on a stack; NONE when that is a custom permission set."""

    login: str
    name: str
    email: str
    avatar_url: str
    level: StackLevel


def find_visible(connection: Connection, scope: StackScope, stack_ids: Collection[str]) -> frozenset[str]:
    """Return those of the stacks that a list would show to the caller."""
    query = select(stacks.c.id).where(stacks.c.id.in_(stack_ids), stacks.c.live == 1, in_scopes([scope]))
    return frozenset(connection.scalars(query))


def hold(tx: Connection, stack_id: str, org_id: str) -> bool:
    """Keep a live stack from being deleted or moved until the transaction ends; False when it is gone."""
    query = select(stacks.c.id).where(stacks.c.id == stack_id, stacks.c.org_id == org_id, stacks.c.live == 1)
    return tx.scalar(query.with_for_update(read=True)) is not None


def find_teams(connection: Connection, stack_id: str) -> list[TeamOnStack]:
    """Return the teams that were given something on a stack, by name."""
    query = (
        select(teams.c.id, teams.c.name, teams.c.display_name, teams.c.description, stack_grants.c.permission)
        .join(stack_grants, stack_grants.c.principal_id == teams.c.id)
        .where(stack_grants.c.stack_id == stack_id)
        .order_by(teams.c.name)
    )
    return [TeamOnStack(*row[:4], StackLevel(row.permission)) for row in connection.execute(query)]


def find_collaborators(connection: Connection, stack_id: str) -> list[Collaborator]:
    """Return the people who were given something on a stack, by login."""
    query = (
        select(users.c.login, users.c.name, users.c.email, users.c.avatar_url, stack_grants.c.permission)
        .join(stack_grants, stack_grants.c.principal_id == users.c.id)
        .where(stack_grants.c.stack_id == stack_id)
        .order_by(users.c.login)
    )
    return [Collaborator(*row[:4], StackLevel(row.permission)) for row in connection.execute(query)]


def find_collaborator_id(tx: Connection, stack_id: str, login: str) -> str | None:
    """Return the id of the person of that login if they were given something on a stack, or None."""
    query = (
        select(users.c.id)
        .join(stack_grants, stack_grants.c.principal_id == users.c.id)
        .where(stack_grants.c.stack_id == stack_id, users.c.login == login)
    )
    found: str | None = tx.scalar(query)
    return found
