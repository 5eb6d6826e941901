"""Statements about the owner of a stack."""

from sqlalchemy import Connection, exists, select, update

from common.db.tables.people import members, users
from common.db.tables.stacks import stacks
from common.people.users.model import Person
from common.stacks.model import Stack


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
        .where(users.c.login == login, members.c.org_id == org_id, members.c.suspended.is_(False)),
    )
    return user_id


def update_owner(tx: Connection, stack: Stack, user_id: str) -> bool:
    """Change the owner of a live stack. False if it was moved, or has another owner, since it was read."""
    as_read = (stacks.c.org_id == stack.org_id, stacks.c.created_by == stack.created_by)
    changed = tx.execute(update(stacks).values(created_by=user_id).where(stacks.c.id == stack.id, stacks.c.live == 1, *as_read))
    return changed.rowcount == 1


def replace_absent_owner(tx: Connection, stack_id: str, user_id: str) -> None:
    """Make a user the owner of a stack, unless its owner is a member of the stack's organization."""
    is_member = exists().where(members.c.org_id == stacks.c.org_id, members.c.user_id == stacks.c.created_by)
    tx.execute(update(stacks).values(created_by=user_id).where(stacks.c.id == stack_id, ~is_member))
