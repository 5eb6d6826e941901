"""Rows of issues, and of the results of policies."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    update,
)

from common.db.tables.people import members, users
from common.db.tables.policies import policy_issues, policy_results
from common.db.tables.stacks import stacks, updates
from common.policies.issues.grid import Condition, Leaf, Sorting
from common.policies.issues.model import (
    SEVERITIES,
    Assignee,
    EndedUpdate,
    Findings,
    Issue,
    IssueStatus,
    PolicyKey,
    PolicyResult,
    Source,
    StoredIssue,
    Totals,
    Violation,
    priority_of,
)
from common.rights.membership import StackScope
from common.rights.predicate import Entity, EntityKind
from common.stacks.engine.policy_groups import Mode
from common.stacks.model import Kind, Status
from common.stacks.repository.visibility import in_scopes  # arch: which stacks a caller sees is one condition for all lists

_issues, _results = policy_issues.c, policy_results.c
_COLUMNS: dict[str, ColumnElement[Any]] = {
    "severity": _issues.severity,
    "priority": _issues.priority,
    "status": _issues.status,
    "policyPack": _issues.pack_name,
    "policyPackTag": _issues.pack_tag,
    "policyName": _issues.policy_name,
    "policyGroupName": _issues.group_name,
    "policyGroupType": _issues.kind,
    "kind": _issues.kind,
    "level": _issues.level,
    "message": _issues.message,
    "resourceType": _issues.resource_type,
    "resourceName": _issues.resource_name,
    "resourceURN": _issues.resource_urn,
    "assignedTo": func.coalesce(users.c.login, ""),
    "entityType": literal("stack"),
    "entityProject": stacks.c.project,
    "entityId": stacks.c.name,
    "stackVersion": _issues.stack_version,
    "observedAt": _issues.observed_at,
    "lastModified": _issues.modified_at,
}
_VALUE_LIMIT = 1_000
# Their words are not in the order of what they mean.
_RANKS = {"severity": SEVERITIES}
_SHOWN = (
    *policy_issues.c,
    stacks.c.project,
    stacks.c.name.label("stack_name"),
    users.c.login,
    users.c.name.label("user_name"),
    users.c.avatar_url,
)


def find_ended(connection: Connection, update_id: str) -> EndedUpdate | None:
    """Return an update that has ended with a version of a live stack, or None."""
    query = (
        select(
            updates.c.id,
            updates.c.stack_id,
            updates.c.version,
            updates.c.kind,
            updates.c.status,
            updates.c.ended_at,
            stacks.c.org_id,
            stacks.c.tags,
        )
        .join(stacks, and_(stacks.c.id == updates.c.stack_id, stacks.c.live == 1))
        .where(updates.c.id == update_id, updates.c.version.is_not(None))
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return EndedUpdate(
        row.id,
        row.org_id,
        row.stack_id,
        row.version,
        Kind(row.kind) is Kind.DESTROY,
        Status(row.status) is Status.SUCCEEDED,
        row.ended_at or 0,
        Entity(EntityKind.STACK, row.stack_id, msgspec.json.decode(row.tags, type=dict[str, str])),
    )


def lock_stored(tx: Connection, stack_id: str) -> list[StoredIssue]:
    """Lock the stack and return its issues, so that updates are read one after the other."""
    tx.execute(select(stacks.c.id).where(stacks.c.id == stack_id).with_for_update())
    query = select(_issues.id, _issues.digest, _issues.pack_name, _issues.policy_name, _issues.resource_urn, _issues.status)
    return [
        StoredIssue(row.id, row.digest, PolicyKey(row.pack_name, row.policy_name), row.resource_urn, IssueStatus(row.status))
        for row in tx.execute(query.where(_issues.stack_id == stack_id))
    ]


def add_issues(tx: Connection, update_: EndedUpdate, new: Sequence[tuple[str, Violation, Source]]) -> None:
    """Insert issues of violations that the stack did not have before."""
    rows = [
        {
            "id": issue_id,
            "org_id": update_.org_id,
            "stack_id": update_.stack_id,
            "digest": violation.digest,
            "pack_name": violation.key.pack,
            "policy_name": violation.key.policy,
            "resource_urn": violation.urn,
            "resource_type": violation.resource[0],
            "resource_name": violation.resource[1],
            "status": IssueStatus.OPEN,
            "priority": priority_of(violation.severity),
            "assigned_to": None,
            **_observed(update_, violation, source),
        }
        for issue_id, violation, source in new
    ]
    if rows:
        tx.execute(insert(policy_issues), rows)


def update_issues(tx: Connection, update_: EndedUpdate, seen: Sequence[tuple[str, IssueStatus, Violation, Source]]) -> None:
    """Store what an update says of issues that the stack has already."""
    change = update(policy_issues).where(_issues.id == bindparam("issue_id"))
    rows = [
        {"issue_id": issue_id, "status": status, **_observed(update_, violation, source)}
        for issue_id, status, violation, source in seen
    ]
    if rows:
        names = [name for name in rows[0] if name != "issue_id"]
        parameters = [{f"new_{name}" if name != "issue_id" else name: value for name, value in row.items()} for row in rows]
        tx.execute(change.values({name: bindparam(f"new_{name}") for name in names}), parameters)


def fix_issues(tx: Connection, update_: EndedUpdate, ids: Collection[str]) -> None:
    """Set issues to fixed."""
    if ids:
        values = {"status": IssueStatus.FIXED, "modified_at": update_.ended_at, "stack_version": update_.version}
        tx.execute(update(policy_issues).where(_issues.id.in_(sorted(ids))).values(values))


def replace_results(tx: Connection, update_: EndedUpdate, findings: Findings, sources: dict[str, Source]) -> None:
    """Replace the results of the policies that an update ran; after a destroy there are none."""
    packs = sorted({key.pack for key in findings.tallies})
    if update_.is_destroy and update_.is_success:
        tx.execute(delete(policy_results).where(_results.stack_id == update_.stack_id))
    elif packs:
        tx.execute(delete(policy_results).where(_results.stack_id == update_.stack_id, _results.pack_name.in_(packs)))
    severities = _highest_severities(findings)
    rows = [
        {
            "stack_id": update_.stack_id,
            "pack_name": key.pack,
            "policy_name": key.policy,
            "org_id": update_.org_id,
            "pack_tag": tally.tag,
            "severity": severities.get(key, ""),
            "kind": sources[key.pack].mode.value,
            "group_name": sources[key.pack].group,
            "governed": len(tally.passed | tally.failed),
            "failing": len(tally.failed),
            "stack_version": update_.version,
            "observed_at": update_.ended_at,
        }
        for key, tally in findings.tallies.items()
    ]
    if rows:
        tx.execute(insert(policy_results), rows)


def _highest_severities(findings: Findings) -> dict[PolicyKey, str]:
    severities: dict[PolicyKey, str] = {}
    ranks = {word: number for number, word in enumerate(_RANKS["severity"], 1)}
    for violation in findings.violations.values():
        known = severities.get(violation.key, "")
        if ranks.get(violation.severity, 0) >= ranks.get(known, 0):
            severities[violation.key] = violation.severity
    return severities


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
    matching = _matching(scope, condition, statuses)
    count = connection.scalar(_from(select(func.count())).where(*matching)) or 0
    first, last = window
    query = _from(select(*_SHOWN)).where(*matching).order_by(*_order(order)).offset(first).limit(last - first)
    return [_to_issue(row) for row in connection.execute(query)], count


def count_by(
    connection: Connection, scope: StackScope, condition: Condition | None, statuses: Iterable[str], column: str
) -> list[tuple[str, int]]:
    """Return the values of a column with the number of issues that have each."""
    value = _COLUMNS[column]
    query = _from(select(value.label("value"), func.count().label("number"))).where(*_matching(scope, condition, statuses))
    rows = connection.execute(query.group_by(value).order_by(func.count().desc(), value).limit(_VALUE_LIMIT))
    return [(str(row.value), row.number) for row in rows]


def find_issue(connection: Connection, scope: StackScope, issue_id: str) -> Issue | None:
    """Return an issue of a stack that the caller sees, or None."""
    row = connection.execute(_from(select(*_SHOWN)).where(_issues.id == issue_id, *_visible(scope))).one_or_none()
    return _to_issue(row) if row is not None else None


def update_issue(tx: Connection, issue_id: str, values: dict[str, Any], now_millis: int) -> None:
    """Change status, priority or assignee of an issue."""
    tx.execute(update(policy_issues).where(_issues.id == issue_id).values(**values, modified_at=now_millis))


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


def _sums(scope: StackScope, *columns: ColumnElement[Any]) -> Select[Any]:
    return (
        select(*columns, func.sum(_results.governed).label("governed"), func.sum(_results.failing).label("failing"))
        .join_from(policy_results, stacks, stacks.c.id == _results.stack_id)
        .where(_results.org_id == scope.org_id, stacks.c.org_id == scope.org_id, stacks.c.live == 1, in_scopes([scope]))
        .group_by(*columns)
    )


def count_policies(connection: Connection, scope: StackScope) -> int:
    """Return how many policies have results in the stacks that a caller sees."""
    return (
        connection.scalar(select(func.count()).select_from(_sums(scope, _results.pack_name, _results.policy_name).subquery()))
        or 0
    )


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
    active = query.where(*_matching(scope, None, statuses)).subquery()
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


def _observed(update_: EndedUpdate, violation: Violation, source: Source) -> dict[str, Any]:
    return {
        "pack_tag": violation.tag,
        "message": violation.message,
        "level": violation.level,
        "severity": violation.severity,
        "kind": source.mode.value,
        "group_name": source.group,
        "stack_version": update_.version,
        "observed_at": update_.ended_at,
        "modified_at": update_.ended_at,
    }


def _from(query: Select[Any]) -> Select[Any]:
    return (
        query.select_from(policy_issues)
        .join(stacks, stacks.c.id == _issues.stack_id)
        .outerjoin(users, users.c.id == _issues.assigned_to)
    )


def _visible(scope: StackScope) -> list[ColumnElement[bool]]:
    # A stack that moved to another organization leaves its issues behind.
    return [_issues.org_id == scope.org_id, stacks.c.org_id == scope.org_id, stacks.c.live == 1, in_scopes([scope])]


def _matching(scope: StackScope, condition: Condition | None, statuses: Iterable[str]) -> list[ColumnElement[bool]]:
    return [*_visible(scope), _issues.status.in_(list(statuses)), _to_sql(condition) if condition is not None else true()]


def _to_sql(condition: Condition) -> ColumnElement[bool]:
    if isinstance(condition, Leaf):
        return _compare(condition)
    parts = [_to_sql(part) for part in condition.conditions]
    return (or_(*parts) if condition.is_any else and_(*parts)) if parts else true()


def _compare(leaf: Leaf) -> ColumnElement[bool]:
    column, text = _COLUMNS[leaf.column], leaf.text
    match leaf.operator:
        case "equals":
            return column == text
        case "notEqual":
            return column != text
        case "contains":
            return column.contains(text, autoescape=True)
        case "notContains":
            return ~column.contains(text, autoescape=True)
        case "startsWith":
            return column.startswith(text, autoescape=True)
        case "endsWith":
            return column.endswith(text, autoescape=True)
        case "blank":
            return column == ""
        case _:
            return column != ""


def _order(order: Sequence[Sorting]) -> list[ColumnElement[Any]]:
    columns = []
    for sorting in order:
        column = _COLUMNS[sorting.column]
        ranks = _RANKS.get(sorting.column)
        if ranks:
            column = _rank(column, ranks)
        columns.append(column.desc() if sorting.is_descending else column.asc())
    return [*(columns or [_issues.observed_at.desc()]), _issues.id]


def _rank(column: ColumnElement[Any], words: Sequence[str]) -> ColumnElement[int]:
    """Return the place of a word among some, 0 for another one."""
    return case({word: number for number, word in enumerate(words, 1)}, value=column, else_=0)


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
