"""Statements about stack references: which stack's state refers to which other stack by name."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, func, insert, select

from common.db.tables.people import organizations
from common.db.tables.stacks import stack_references, stacks, updates
from common.rights.membership import StackScope
from common.stacks.model import StackPath
from common.stacks.repository.visibility import in_scopes


def replace(tx: Connection, stack_id: str, links: frozenset[tuple[str, str, str]]) -> None:
    """Replace the stack's references."""
    tx.execute(delete(stack_references).where(stack_references.c.stack_id == stack_id))
    if links:
        rows = [{"stack_id": stack_id, "org": org, "project": project, "name": name} for org, project, name in sorted(links)]
        tx.execute(insert(stack_references), rows)


def list_downstream(
    connection: Connection, path: StackPath, scopes: Sequence[StackScope], limit: int
) -> list[tuple[StackPath, int]]:
    """Return (name, version) of live stacks in the scopes with a state that refers to a stack."""
    query = _live(scopes, limit).join(stack_references, stack_references.c.stack_id == stacks.c.id)
    has_name = (
        stack_references.c.org == path.org,
        stack_references.c.project == path.project,
        stack_references.c.name == path.name,
    )
    return _read(connection, query.where(*has_name))


def list_upstream(connection: Connection, stack_id: str, scopes: Sequence[StackScope], limit: int) -> list[tuple[StackPath, int]]:
    """Return (name, version) of live stacks in the scopes that the stack's state refers to."""
    same_name = and_(
        stack_references.c.org == organizations.c.login,
        stack_references.c.project == stacks.c.project,
        stack_references.c.name == stacks.c.name,
    )
    query = _live(scopes, limit).join(stack_references, same_name)
    return _read(connection, query.where(stack_references.c.stack_id == stack_id))


def _live(scopes: Sequence[StackScope], limit: int) -> Select[tuple[Any, ...]]:
    version = select(func.max(updates.c.version)).where(updates.c.stack_id == stacks.c.id).correlate(stacks).scalar_subquery()
    return (
        select(organizations.c.login, stacks.c.project, stacks.c.name, version)
        .select_from(stacks)
        .join(organizations, organizations.c.id == stacks.c.org_id)
        .where(stacks.c.live == 1, in_scopes(scopes))
        .order_by(organizations.c.login, stacks.c.project, stacks.c.name)
        .limit(limit)
    )


def _read(connection: Connection, query: Select[tuple[Any, ...]]) -> list[tuple[StackPath, int]]:
    return [(StackPath(row[0], row[1], row[2]), row[3]) for row in connection.execute(query)]
