"""Statements about all stacks of an organization, before they move to another one."""

from collections.abc import Sequence
from itertools import groupby

from sqlalchemy import Connection, and_, select

from common.db.tables.stacks import stacks
from common.stacks.model import Stack
from common.stacks.repository.stacks import one_stack, with_latest_version


def find_of_organization(connection: Connection, org_id: str, limit: int, principals: Sequence[str]) -> list[Stack]:
    """Return up to `limit` live stacks by project and name, with the principals' grants on them."""
    order = (stacks.c.project, stacks.c.name)
    first = select(stacks.c.id).where(stacks.c.org_id == org_id, stacks.c.live == 1).order_by(*order).limit(limit)
    listed = first.subquery("listed")
    query = with_latest_version().join(listed, listed.c.id == stacks.c.id).order_by(*order)
    rows = connection.execute(query, {"principals": list(principals)}).all()
    listed_stacks = (one_stack(list(stack_rows)) for _, stack_rows in groupby(rows, lambda row: row.id))
    return [stack for stack in listed_stacks if stack is not None]


def find_names_in_both(connection: Connection, org_id: str, other_id: str, limit: int) -> list[tuple[str, str]]:
    """Return up to `limit` (project, name) that live stacks of both organizations have."""
    other = stacks.alias("other")
    same_name = and_(
        other.c.org_id == other_id,
        other.c.project == stacks.c.project,
        other.c.name == stacks.c.name,
        other.c.live == 1,
    )
    query = select(stacks.c.project, stacks.c.name).join(other, same_name).where(stacks.c.org_id == org_id, stacks.c.live == 1)
    return [(row[0], row[1]) for row in connection.execute(query.order_by(stacks.c.project, stacks.c.name).limit(limit))]
