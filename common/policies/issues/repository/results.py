"""Rows of the results of policies: how many resources of a stack pass, from the last update that ran the policy."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

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


def sum_by_stack(connection: Connection, scope: StackScope) -> list[tuple[str, str, int, int]]:
    """Return (project/stack, pack, resources, failing ones) in the stacks that a caller sees, by stack."""
    query = _sums(scope, stacks.c.project, stacks.c.name, _results.pack_name)
    rows = connection.execute(query.order_by(stacks.c.project, stacks.c.name))
    return [(f"{row.project}/{row.name}", row.pack_name, int(row.governed), int(row.failing)) for row in rows]


def sum_by_severity(connection: Connection, scope: StackScope) -> list[tuple[str, str, int, int]]:
    """Return (severity, pack, resources, failing ones) in the stacks that a caller sees."""
    rows = connection.execute(_sums(scope, _results.severity, _results.pack_name))
    return [(row.severity, row.pack_name, int(row.governed), int(row.failing)) for row in rows]


def sum_by_policy(connection: Connection, scope: StackScope) -> list[PolicyResult]:
    """Return the results of each policy in all stacks that a caller sees together, by pack, policy and group."""
    columns = (_results.pack_name, _results.policy_name, _results.group_name, _results.kind)
    query = _sums(scope, *columns).add_columns(func.max(_results.severity).label("severity"))
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
        for row in connection.execute(query.order_by(*columns))
    ]


def count_policies(connection: Connection, scope: StackScope) -> int:
    """Return how many policies have results in the stacks that a caller sees."""
    return (
        connection.scalar(select(func.count()).select_from(_sums(scope, _results.pack_name, _results.policy_name).subquery()))
        or 0
    )


def _sums(scope: StackScope, *columns: ColumnElement[Any]) -> Select[Any]:
    return (
        select(*columns, func.sum(_results.governed).label("governed"), func.sum(_results.failing).label("failing"))
        .join_from(policy_results, stacks, stacks.c.id == _results.stack_id)
        .where(_results.org_id == scope.org_id, stacks.c.org_id == scope.org_id, stacks.c.live == 1, in_scopes([scope]))
        .group_by(*columns)
    )
