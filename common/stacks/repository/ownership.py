"""Statements about the person a stack belongs to."""

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
    """Return the id of a member of an organization by login, or None; one who is suspended is none."""
    found: str | None = connection.scalar(
        select(users.c.id)
        .join(members, members.c.user_id == users.c.id)
        .where(users.c.login == login, members.c.org_id == org_id, members.c.suspended.is_(False)),
    )
    return found


def set_owner(tx: Connection, stack: Stack, user_id: str) -> bool:
    """Give a live stack another owner; False when it moved away, or got another owner, since it was read."""
    as_read = (stacks.c.org_id == stack.org_id, stacks.c.created_by == stack.created_by)
    changed = tx.execute(update(stacks).values(created_by=user_id).where(stacks.c.id == stack.id, stacks.c.live == 1, *as_read))
    return changed.rowcount == 1


def pass_on(tx: Connection, stack_id: str, heir_id: str) -> None:
    """Give a stack to `heir_id` unless its owner is a member of the organization that it is in."""
    is_member = exists().where(members.c.org_id == stacks.c.org_id, members.c.user_id == stacks.c.created_by)
    tx.execute(update(stacks).values(created_by=heir_id).where(stacks.c.id == stack_id, ~is_member))
