"""Rows of the results of policies: how many resources of a stack pass, from the last update that ran the policy."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, tuple_

from common.db.tables.policies import policy_results
from common.db.tables.stacks import stacks
from common.policies.issues.model import PolicyKey, PolicyResult
from common.rights.membership import StackScope
from common.stacks.engine.policy_groups import Mode
from common.stacks.repository.visibility import in_scopes  # arch: which stacks a caller sees is one condition for all lists

_results = policy_results.c


def list_results(connection: Connection, scope: StackScope, stack_id: str) -> list[PolicyResult]:
    """Return the results of policies in a stack, if the caller sees it."""
    query = (
        select(*policy_results.c, stacks.c.project, stacks.c.name)
        .join(stacks, stacks.c.id == _results.stack_id)
        .where(_results.org_id == scope.org_id, stacks.c.org_id == scope.org_id, stacks.c.live == 1, in_scopes([scope]))
        .where(_results.stack_id == stack_id)
        .order_by(_results.pack_name, _results.policy_name)
    )
    return [
        PolicyResult(
            row.project,
            row.name,
            PolicyKey(row.pack_name, row.policy_name),
            row.severity,
            row.group_name,
            Mode(row.kind),
            row.governed,
            row.failing,
        )
        for row in connection.execute(query)
    ]


def list_packs(connection: Connection, scope: StackScope) -> list[str]:
    """Return the packs that have results in the stacks that a caller sees, by name."""
    rows = connection.execute(_sums(scope, _results.pack_name).order_by(_results.pack_name))
    return [row.pack_name for row in rows]


def page_stacks(
    connection: Connection, scope: StackScope, *, after: tuple[str, str] | None, offset: int, limit: int
) -> list[tuple[str, str]]:
    """Return (project, name) of stacks that have results and that a caller sees, in order: after one of them, or from a place."""
    query = _sums(scope, stacks.c.project, stacks.c.name)
    if after is not None:
        project, name = after
        query = query.where(or_(stacks.c.project > project, and_(stacks.c.project == project, stacks.c.name > name)))
    rows = connection.execute(query.order_by(stacks.c.project, stacks.c.name).offset(offset).limit(limit))
    return [(row.project, row.name) for row in rows]


def sum_by_stack(
    connection: Connection, scope: StackScope, names: Collection[tuple[str, str]]
) -> list[tuple[str, str, int, int]]:
    """Return (project/stack, pack, resources, failing ones) in some stacks, if the caller sees them, by stack."""
    query = _sums(scope, stacks.c.project, stacks.c.name, _results.pack_name)
    query = query.where(tuple_(stacks.c.project, stacks.c.name).in_(sorted(names)))
    rows = connection.execute(query.order_by(stacks.c.project, stacks.c.name))
    return [(f"{row.project}/{row.name}", row.pack_name, int(row.governed), int(row.failing)) for row in rows]


def sum_by_severity(connection: Connection, scope: StackScope) -> list[tuple[str, str, int, int]]:
    """Return (severity, pack, resources, failing ones) in the stacks that a caller sees."""
    rows = connection.execute(_sums(scope, _results.severity, _results.pack_name))
    return [(row.severity, row.pack_name, int(row.governed), int(row.failing)) for row in rows]


def sum_by_policy(connection: Connection, scope: StackScope, window: tuple[int, int]) -> tuple[list[PolicyResult], int]:
    """Return the results of each policy in all stacks that a caller sees, by pack, policy and group; and how many there are.

    The policies are those in a window of rows.
    """
    columns = (_results.pack_name, _results.policy_name, _results.group_name, _results.kind)
    count = connection.scalar(select(func.count()).select_from(_sums(scope, *columns).subquery())) or 0
    query = _sums(scope, *columns).add_columns(func.max(_results.severity).label("severity"))
    first, last = window
    rows = connection.execute(query.order_by(*columns).offset(first).limit(last - first))
    return [
        PolicyResult(
            "",
            "",
            PolicyKey(row.pack_name, row.policy_name),
            row.severity,
            row.group_name,
            Mode(row.kind),
            int(row.governed),
            int(row.failing),
        )
        for row in rows
    ], count


def count_policies_and_stacks(connection: Connection, scope: StackScope) -> tuple[int, int]:
    """Return how many policies have results in the stacks that a caller sees, and how many of the stacks have results."""
    groups = (_sums(scope, _results.pack_name, _results.policy_name), _sums(scope, stacks.c.project, stacks.c.name))
    counts = [select(func.count()).select_from(group.subquery()).scalar_subquery() for group in groups]
    policies, with_results = connection.execute(select(*counts)).one()
    return policies, with_results


def _sums(scope: StackScope, *columns: ColumnElement[Any]) -> Select[Any]:
    return (
        select(*columns, func.sum(_results.governed).label("governed"), func.sum(_results.failing).label("failing"))
        .join_from(policy_results, stacks, stacks.c.id == _results.stack_id)
        .where(_results.org_id == scope.org_id, stacks.c.org_id == scope.org_id, stacks.c.live == 1, in_scopes([scope]))
        .group_by(*columns)
    )
