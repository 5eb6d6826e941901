"""The statement that lists the stored states of all stacks, for a check of them."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from common.db.tables.people import organizations
from common.db.tables.stacks import stacks, updates
from common.stacks.model import Outcome, StackPath


@dataclass(frozen=True, slots=True)
class VersionState:
    """A version of a live stack and the key of its state; `damage` says why the state of a damaged one was not stored."""

    update_id: str
    path: StackPath
    version: int
    checkpoint: str | None
    resource_order: str | None
    damage: str | None


_newer = updates.alias("newer")
_NEWEST = select(func.max(_newer.c.version)).where(_newer.c.stack_id == updates.c.stack_id).scalar_subquery()


def page(connection: Connection, after: str, limit: int, *, newest_only: bool) -> list[VersionState]:
    """Return versions of live stacks by the ids of their updates, after an id."""
    query = (
        select(
            updates.c.id,
            organizations.c.login,
            stacks.c.project,
            stacks.c.name,
            updates.c.version,
            updates.c.checkpoint,
            updates.c.resource_order,
            updates.c.outcome,
            updates.c.damage,
        )
        .join(stacks, stacks.c.id == updates.c.stack_id)
        .join(organizations, organizations.c.id == stacks.c.org_id)
        .where(stacks.c.live == 1, updates.c.version.is_not(None), updates.c.id > after)
        .order_by(updates.c.id)
        .limit(limit)
    )
    if newest_only:
        query = query.where(updates.c.version == _NEWEST)
    return [
        VersionState(
            row.id,
            StackPath(row.login, row.project, row.name),
            row.version,
            row.checkpoint,
            row.resource_order,
            row.damage if row.outcome == Outcome.DAMAGED else None,
        )
        for row in connection.execute(query)
    ]
