"""The statement that lists all stacks of an organization with their newest versions."""

import msgspec
from sqlalchemy import Connection, and_, func, select

from common.db.tables.stacks import stacks, updates
from common.rights.membership import StackScope
from common.stacks.model import OrganizationStack, Status
from common.stacks.repository.visibility import in_scopes


def find_all(connection: Connection, scope: StackScope) -> list[OrganizationStack]:
    """Return the live stacks in a scope, in order of project and name."""
    newest = updates.alias("newest")
    latest = select(func.max(newest.c.version)).where(newest.c.stack_id == stacks.c.id).scalar_subquery()
    query = (
        select(
            stacks.c.id,
            stacks.c.project,
            stacks.c.name,
            stacks.c.tags,
            updates.c.version,
            updates.c.status,
            func.coalesce(updates.c.started_at, updates.c.created_at),
            func.coalesce(updates.c.ended_at, 0),
            updates.c.resource_count,
        )
        .select_from(stacks)
        .join(updates, and_(updates.c.stack_id == stacks.c.id, updates.c.version == latest))
        .where(stacks.c.live == 1, in_scopes([scope]))
        .order_by(stacks.c.project, stacks.c.name)
    )
    return [
        OrganizationStack(
            row[0], row[1], row[2], msgspec.json.decode(row[3], type=dict[str, str]), row[4], Status(row[5]), *row[6:]
        )
        for row in connection.execute(query)
    ]
