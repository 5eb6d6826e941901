"""Statements about deleted stacks. One that is being purged has `deleted_at` 0 and can no longer be restored."""

from sqlalchemy import Connection, and_, func, select, update
from sqlalchemy import delete as delete_from

from common.db.tables.stacks import stack_annotations, stack_names, stack_tags, stacks, updates
from common.stacks.model import DeletedStack, Place, Stack, Status
from common.stacks.repository.stacks import add_former_name, any_with_latest_version, one_stack

_CAN_BE_RESTORED = and_(stacks.c.live.is_(None), stacks.c.deleted_at > 0)
_newest = updates.alias("newest")


def find_newest(connection: Connection, org_id: str, limit: int) -> list[DeletedStack]:
    """Return the stacks of an organization that were deleted last, each with the version before its deletion."""
    order = (stacks.c.deleted_at.desc(), stacks.c.id)
    last_deleted = select(stacks).where(stacks.c.org_id == org_id, _CAN_BE_RESTORED).order_by(*order).limit(limit)
    listed = last_deleted.subquery("listed")
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
        DeletedStack(
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
    query = any_with_latest_version().where(stacks.c.id == stack_id, stacks.c.org_id == org_id, _CAN_BE_RESTORED)
    return one_stack(connection.execute(query, {"principals": []}).all())


def find_grants(tx: Connection, stack_id: str) -> tuple[str | None, int]:
    """Return the text of the grants that a deleted stack had, and when it was deleted, in unix milliseconds."""
    row = tx.execute(select(stacks.c.deleted_grants, stacks.c.deleted_at).where(stacks.c.id == stack_id)).one_or_none()
    return (row.deleted_grants, row.deleted_at or 0) if row is not None else (None, 0)


def restore(tx: Connection, stack: Stack, name: str, now_millis: int) -> bool:
    """Restore a deleted stack. False if it is live again or being purged, IntegrityError if the name is taken."""
    changed = tx.execute(
        update(stacks)
        .values(live=1, deleted_at=None, deleted_grants=None, name=name)
        .where(stacks.c.id == stack.id, _CAN_BE_RESTORED)
    )
    if changed.rowcount != 1:
        return False
    if name != stack.path.name:
        add_former_name(tx, stack, Place(stack.org_id, stack.path.project, name), now_millis)
    return True


def find_expired(connection: Connection, before_millis: int) -> str | None:
    """Return the id of the stack that was deleted first, if that was before a time, or None."""
    statement = (
        select(stacks.c.id)
        .where(stacks.c.live.is_(None), stacks.c.deleted_at < before_millis)
        .order_by(stacks.c.deleted_at, stacks.c.id)
        .limit(1)
    )
    stack_id: str | None = connection.scalar(statement)
    return stack_id


def begin_purge(tx: Connection, stack_id: str, before_millis: int) -> bool:
    """Mark that a stack is being purged, which takes several steps. False if it was restored."""
    is_expired = (stacks.c.live.is_(None), stacks.c.deleted_at < before_millis)
    return tx.execute(update(stacks).values(deleted_at=0).where(stacks.c.id == stack_id, *is_expired)).rowcount == 1


def delete(tx: Connection, stack_id: str) -> None:
    """Delete the stack's own rows, its tags, annotations and former names, unless it is live."""
    for table in (stack_tags, stack_annotations, stack_names):
        tx.execute(delete_from(table).where(table.c.stack_id == stack_id))
    tx.execute(delete_from(stacks).where(stacks.c.id == stack_id, stacks.c.live.is_(None)))
