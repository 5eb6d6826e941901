"""Statements about deleted stacks that have not been purged. One whose purge has begun (`deleted_at` 0) is none of them."""

from sqlalchemy import Connection, and_, func, select, update

from common.db.tables.stacks import stacks, updates
from common.stacks.model import Deleted, Place, Stack, Status
from common.stacks.repository.stacks import any_with_latest_version, one_stack, remember_name

_CAN_COME_BACK = and_(stacks.c.live.is_(None), stacks.c.deleted_at > 0)
_newest = updates.alias("newest")


def newest(connection: Connection, org_id: str, limit: int) -> list[Deleted]:
    """Return the stacks that were deleted last, each with the version before its deletion."""
    order = (stacks.c.deleted_at.desc(), stacks.c.id)
    chosen = select(stacks).where(stacks.c.org_id == org_id, _CAN_COME_BACK).order_by(*order).limit(limit)
    listed = chosen.subquery("listed")
    deletion = select(func.max(_newest.c.version)).where(_newest.c.stack_id == listed.c.id).scalar_subquery()
    query = (
        select(
            listed.c.id,
            listed.c.project,
            listed.c.name,
            listed.c.deleted_at,
            updates.c.version,
            updates.c.status,
            updates.c.started_at,
            updates.c.ended_at,
            updates.c.resource_count,
        )
        .select_from(listed)
        .join(updates, and_(updates.c.stack_id == listed.c.id, updates.c.version == deletion - 1))
        .order_by(listed.c.deleted_at.desc(), listed.c.id)
    )
    return [
        Deleted(
            id=row.id,
            project=row.project,
            name=row.name,
            deleted_at=row.deleted_at,
            version=row.version,
            status=Status(row.status),
            started_at=row.started_at or 0,
            ended_at=row.ended_at or 0,
            resource_count=row.resource_count,
        )
        for row in connection.execute(query)
    ]


def find(connection: Connection, org_id: str, stack_id: str) -> Stack | None:
    """Return a deleted stack with the version that deleted it, or None."""
    query = any_with_latest_version().where(stacks.c.id == stack_id, stacks.c.org_id == org_id, _CAN_COME_BACK)
    return one_stack(connection.execute(query, {"principals": []}).all())


def revive(tx: Connection, stack: Stack, name: str, now_millis: int) -> bool:
    """Make a deleted stack live; False when it is live again or being purged, IntegrityError when the name is taken."""
    changed = tx.execute(update(stacks).values(live=1, deleted_at=None, name=name).where(stacks.c.id == stack.id, _CAN_COME_BACK))
    if changed.rowcount != 1:
        return False
    if name != stack.path.name:
        remember_name(tx, stack, Place(stack.org_id, stack.path.project, name), now_millis)
    return True
