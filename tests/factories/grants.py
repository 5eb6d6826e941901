"""Gives people and teams something on a stack."""

from sqlalchemy import ColumnElement, or_, select

from common.access import grants
from common.backend import Backend
from common.db.tables.people import organizations, users
from common.db.tables.stacks import stacks
from common.rights.permissions import StackLevel
from common.stacks.model import StackPath


def grant(
    backend: Backend,
    stack: StackPath | str,
    principal: str,
    level: StackLevel = StackLevel.READ,
    *,
    is_team: bool = False,
    set_id: str | None = None,
) -> None:
    """Grant a user, by login or id, or a team, by id, a level or a permission set on a live stack, by path or name."""
    with backend.db.begin() as tx:
        stack_id = tx.execute(select(stacks.c.id).where(*_is_stack(stack))).scalar_one()
        if not is_team:
            is_user = or_(users.c.login == principal, users.c.id == principal)
            principal = tx.execute(select(users.c.id).where(is_user)).scalar_one()
        grants.replace(tx, stack_id, principal, is_team=is_team, level=level, now=backend.clock.now(), set_id=set_id)


def _is_stack(stack: StackPath | str) -> tuple[ColumnElement[bool], ...]:
    if isinstance(stack, str):
        return stacks.c.name == stack, stacks.c.live == 1
    org_id = select(organizations.c.id).where(organizations.c.login == stack.org).scalar_subquery()
    return stacks.c.org_id == org_id, stacks.c.project == stack.project, stacks.c.name == stack.name, stacks.c.live == 1
