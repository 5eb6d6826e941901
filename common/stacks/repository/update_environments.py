"""Statements about the environments that updates were run with."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, and_, delete, exists, func, insert, select, tuple_

from common.db.tables.stacks import stacks, update_environments, updates
from common.rights.membership import StackScope
from common.stacks.model import EnvironmentUse, Kind, NamedEnvironment
from common.stacks.repository.visibility import in_scopes

_E = update_environments.c
# An import of a state has no environments, and leaves those of the update before.
_WITH_ENVIRONMENTS = (Kind.UPDATE, Kind.REFRESH, Kind.DESTROY, Kind.RESOURCE_IMPORT)
_newer = updates.alias("newer")
_IS_NEWEST = ~exists().where(
    _newer.c.stack_id == updates.c.stack_id,
    _newer.c.version > updates.c.version,
    _newer.c.kind.in_([kind.value for kind in _WITH_ENVIRONMENTS]),
)


def add(connection: Connection, stack_id: str, update_id: str, environments: Collection[NamedEnvironment]) -> None:
    """Insert the environments of an update."""
    rows = [
        {"stack_id": stack_id, "update_id": update_id, "project": one.project, "name": one.name, "version": one.version}
        for one in sorted(environments)
    ]
    connection.execute(insert(update_environments), rows)


def delete_of_stack(tx: Connection, stack_id: str) -> None:
    """Delete the environments of all updates of a stack."""
    tx.execute(delete(update_environments).where(_E.stack_id == stack_id))


def count_uses(connection: Connection, org_id: str, environments: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Return how many live stacks of an organization use each environment (project, name), by their newest updates."""
    query = (
        select(_E.project, _E.name, func.count(stacks.c.id.distinct()))
        .select_from(update_environments)
        .join(updates, and_(updates.c.id == _E.update_id, updates.c.version.is_not(None)))
        .join(stacks, and_(stacks.c.id == updates.c.stack_id, stacks.c.live == 1))
        .where(stacks.c.org_id == org_id, tuple_(_E.project, _E.name).in_(list(environments)), _IS_NEWEST)
        .group_by(_E.project, _E.name)
    )
    return {(row.project, row.name): row[2] for row in connection.execute(query)}


def list_uses(  # noqa: PLR0917 - what a listing is narrowed to
    connection: Connection,
    scopes: Sequence[StackScope],
    project: str,
    name: str,
    after: tuple[str, str, int, str],
    limit: int,
    *,
    newest_only: bool,
) -> list[EnvironmentUse]:
    """Return the live stacks in the scopes that were updated with an environment, after a position.

    By the newest update of each, or by all.
    """
    order = (stacks.c.project, stacks.c.name, updates.c.version, _E.version)
    query = (
        select(*order)
        .select_from(update_environments)
        .join(updates, and_(updates.c.id == _E.update_id, updates.c.version.is_not(None)))
        .join(stacks, and_(stacks.c.id == updates.c.stack_id, stacks.c.live == 1))
        .where(_E.project == project, _E.name == name, in_scopes(scopes), tuple_(*order) > tuple_(*after))
        .order_by(*order)
        .limit(limit)
    )
    return [EnvironmentUse(*row) for row in connection.execute(query.where(_IS_NEWEST) if newest_only else query)]
