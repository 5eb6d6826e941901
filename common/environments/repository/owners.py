"""Statements about the owners of environments, and the stacks that environments belong to."""

from sqlalchemy import Connection, select

from common.db.tables.people import members, organizations, users
from common.db.tables.stacks import stacks
from common.people.users.model import Person


def find_person(connection: Connection, user_id: str) -> Person:
    """Return a user, with empty texts if they no longer exist."""
    query = select(users.c.id, users.c.login, users.c.name, users.c.email, users.c.avatar_url).where(users.c.id == user_id)
    row = connection.execute(query).one_or_none()
    return Person(*row) if row is not None else Person(user_id, "", "", "", "")


def find_member(connection: Connection, org_id: str, login: str) -> str | None:
    """Return the id of a member of an organization by login, or None; a suspended member is not found."""
    user_id: str | None = connection.scalar(
        select(users.c.id)
        .join(members, members.c.user_id == users.c.id)
        .where(users.c.login == login, members.c.org_id == org_id, members.c.suspended.is_(False))
    )
    return user_id


def find_stack_name(connection: Connection, stack_id: str) -> str | None:
    """Return `org/project/stack` of a stack, or None."""
    query = (
        select(organizations.c.login, stacks.c.project, stacks.c.name)
        .join(organizations, organizations.c.id == stacks.c.org_id)
        .where(stacks.c.id == stack_id)
    )
    row = connection.execute(query).one_or_none()
    return "/".join(row) if row is not None else None
