"""Statements that read how many secrets the environments of an organization had over time."""

from sqlalchemy import Connection, and_, func, select

from common.core.usage import Count
from common.db.tables.environments import environment_revisions, environments


def find_counts(connection: Connection, org_id: str, from_millis: int) -> list[Count]:
    """Return the number of secrets after each revision since a moment, and after the one before it, in order of time.

    A deleted environment has none from its deletion on; it is there as long as it can be restored.
    """
    revisions = environment_revisions.c
    newest = (
        select(revisions.environment_id, func.max(revisions.number).label("number"))
        .join(environments, environments.c.id == revisions.environment_id)
        .where(environments.c.org_id == org_id, revisions.created_at < from_millis)
        .group_by(revisions.environment_id)
        .subquery()
    )
    # Revisions of a clone are as old as those that they are copies of.
    columns = (revisions.environment_id, revisions.created_at, environments.c.created_at, revisions.number)
    query = select(*columns, revisions.secret_count, environments.c.deleted_at).join(
        environments, environments.c.id == revisions.environment_id
    )
    is_newest = and_(newest.c.environment_id == revisions.environment_id, newest.c.number == revisions.number)
    of_org = (environments.c.org_id == org_id, revisions.created_at >= from_millis)
    rows = [*connection.execute(query.join(newest, is_newest)), *connection.execute(query.where(*of_org))]
    counts = [(max(row[1], row[2]), row[3], Count(row[0], max(row[1], row[2]), row[4])) for row in rows]
    ends = {row[0]: row[5] for row in rows if row[5] is not None}
    last = max((number for _at, number, _count in counts), default=0) + 1
    counts += [(at, last, Count(environment_id, at, 0)) for environment_id, at in ends.items()]
    return [count for *_order, count in sorted(counts, key=lambda item: item[:2])]
