"""Rows of issues."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, select, update

from common.db.tables.people import members, users
from common.db.tables.policies import policy_issues
from common.db.tables.stacks import stacks, updates
from common.policies.issues.grid import Condition, Sorting
from common.policies.issues.model import Assignee, Issue, IssueStatus, Totals
from common.policies.issues.repository.conditions import COLUMNS, matching, order_by, visible
from common.rights.membership import StackScope
from common.stacks.engine.policy_groups import Mode
from common.stacks.repository.visibility import in_scopes  # arch: which stacks a caller sees is one condition for all lists

_issues = policy_issues.c
_VALUE_LIMIT = 1_000
_SHOWN = (
    *policy_issues.c,
    stacks.c.project,
    stacks.c.name.label("stack_name"),
    users.c.login,
    users.c.name.label("user_name"),
    users.c.avatar_url,
)


def page_issues(
    connection: Connection,
    scope: StackScope,
    condition: Condition | None,
    statuses: Iterable[str],
    *,
    order: Sequence[Sorting],
    window: tuple[int, int],
) -> tuple[list[Issue], int]:
    """Return the issues of a window of rows, and how many match in all."""
    conditions = matching(scope, condition, statuses)
    count = connection.scalar(_from(select(func.count())).where(*conditions)) or 0
    first, last = window
    query = _from(select(*_SHOWN)).where(*conditions).order_by(*order_by(order)).offset(first).limit(last - first)
    return [_to_issue(row) for row in connection.execute(query)], count


def list_ids(
    connection: Connection, scope: StackScope, condition: Condition | None, statuses: Iterable[str], order: Sequence[Sorting]
) -> list[str]:
    """Return the ids of all issues that match."""
    query = _from(select(_issues.id)).where(*matching(scope, condition, statuses)).order_by(*order_by(order))
    return list(connection.scalars(query))


def list_by_ids(connection: Connection, scope: StackScope, ids: Sequence[str]) -> list[Issue]:
    """Return those of some issues that the caller sees, in the order of the ids."""
    rows = {row.id: row for row in connection.execute(_from(select(*_SHOWN)).where(*visible(scope), _issues.id.in_(ids)))}
    return [_to_issue(rows[issue_id]) for issue_id in ids if issue_id in rows]


def count_by(
    connection: Connection, scope: StackScope, condition: Condition | None, statuses: Iterable[str], column: str
) -> list[tuple[str, int]]:
    """Return the values of a column with the number of issues that have each."""
    value = COLUMNS[column]
    query = _from(select(value.label("value"), func.count().label("number"))).where(*matching(scope, condition, statuses))
    rows = connection.execute(query.group_by(value).order_by(func.count().desc(), value).limit(_VALUE_LIMIT))
    return [(str(row.value), row.number) for row in rows]


def find_issue(connection: Connection, scope: StackScope, issue_id: str) -> Issue | None:
    """Return an issue of a stack that the caller sees, or None."""
    row = connection.execute(_from(select(*_SHOWN)).where(_issues.id == issue_id, *visible(scope))).one_or_none()
    return _to_issue(row) if row is not None else None


def update_issue(tx: Connection, issue_id: str, values: dict[str, Any], now_millis: int) -> None:
    """Change status, priority or assignee of an issue."""
    tx.execute(update(policy_issues).where(_issues.id == issue_id).values(**values, modified_at=now_millis))


def count_active(connection: Connection, scope: StackScope, statuses: Collection[str]) -> Totals:
    """Return how many policies and resources have active issues; the totals are those of the visible stacks."""
    latest = select(func.max(updates.c.version)).where(updates.c.stack_id == stacks.c.id).correlate(stacks).scalar_subquery()
    resources = (
        select(func.coalesce(func.sum(updates.c.resource_count), 0))
        .select_from(stacks)
        .join(updates, and_(updates.c.stack_id == stacks.c.id, updates.c.version == latest))
        .where(stacks.c.org_id == scope.org_id, stacks.c.live == 1, in_scopes([scope]))
        .scalar_subquery()
    )
    query = _from(select(_issues.pack_name, _issues.policy_name, _issues.digest, _issues.resource_urn, _issues.stack_id))
    active = query.where(*matching(scope, None, statuses)).subquery()
    policies = select(active.c.pack_name, active.c.policy_name).distinct().subquery()
    urns = select(active.c.stack_id, active.c.resource_urn).distinct().subquery()
    row = connection.execute(
        select(
            select(func.count()).select_from(policies).scalar_subquery().label("policies"),
            select(func.count()).select_from(urns).scalar_subquery().label("urns"),
            resources.label("resources"),
        )
    ).one()
    return Totals(0, row.policies, int(row.resources), row.urns)


def find_member(connection: Connection, org_id: str, login: str) -> str | None:
    """Return the id of a member by login, or None."""
    query = select(users.c.id).join(members, members.c.user_id == users.c.id)
    return connection.scalar(query.where(members.c.org_id == org_id, users.c.login == login))


def _from(query: Select[Any]) -> Select[Any]:
    return (
        query.select_from(policy_issues)
        .join(stacks, stacks.c.id == _issues.stack_id)
        .outerjoin(users, users.c.id == _issues.assigned_to)
    )


def _to_issue(row: Row[Any]) -> Issue:
    return Issue(
        id=row.id,
        project=row.project,
        stack=row.stack_name,
        stack_version=row.stack_version,
        pack=row.pack_name,
        tag=row.pack_tag,
        policy=row.policy_name,
        urn=row.resource_urn,
        resource_type=row.resource_type,
        resource_name=row.resource_name,
        message=row.message,
        level=row.level,
        severity=row.severity,
        status=IssueStatus(row.status),
        kind=Mode(row.kind),
        priority=row.priority,
        group=row.group_name,
        observed_at=row.observed_at,
        modified_at=row.modified_at,
        assignee=Assignee(row.user_name, row.login, row.avatar_url) if row.login is not None else None,
    )
