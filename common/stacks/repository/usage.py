"""Statements that read how many resources the stacks of an organization had over time."""

from sqlalchemy import Connection, and_, case, func, select

from common.core.usage import Count
from common.db.tables.stacks import stacks, updates
from common.stacks.model import Kind


def find_counts(connection: Connection, org_id: str, from_millis: int) -> list[Count]:
    """Return the number of resources after each version since a moment, and after the one before it, in order of time.

    Deleted stacks are there as long as they can be restored.
    """
    count = case((updates.c.kind == Kind.DELETE, 0), else_=updates.c.resource_count)
    ended = and_(updates.c.version >= 0, updates.c.ended_at.is_not(None))
    columns = (updates.c.stack_id, updates.c.ended_at, count, updates.c.version)
    newest = (
        select(updates.c.stack_id, func.max(updates.c.version).label("version"))
        .join(stacks, stacks.c.id == updates.c.stack_id)
        .where(stacks.c.org_id == org_id, ended, updates.c.ended_at < from_millis)
        .group_by(updates.c.stack_id)
        .subquery()
    )
    before = select(*columns).join(newest, and_(newest.c.stack_id == updates.c.stack_id, newest.c.version == updates.c.version))
    since = (
        select(*columns)
        .join(stacks, stacks.c.id == updates.c.stack_id)
        .where(stacks.c.org_id == org_id, ended, updates.c.ended_at >= from_millis)
    )
    found = [*connection.execute(before), *connection.execute(since)]
    return [Count(*row[:3]) for row in sorted(found, key=lambda row: (row[1], row[3]))]
