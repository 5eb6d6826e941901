"""Issues of policies in the stacks of an organization: list, get, update, export; and how far stacks comply."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import from_millis, unix_millis
from common.core.errors import BadRequest, NotFound
from common.core.paging import make_token, read_token, seal
from common.core.spreadsheets import csv_line
from common.db.retry import retry
from common.policies.issues.grid import SORTING_LIMIT, Condition, Leaf, Sorting, require_column, require_size
from common.policies.issues.model import (
    ACTIVE,
    CLOSED,
    PRIORITIES,
    SETTABLE,
    SEVERITIES,
    Issue,
    IssueStatus,
    PolicyResult,
    Totals,
    percent,
)
from common.policies.issues.repository import issues, results
from common.policies.packs import steps as packs
from common.policies.packs.model import PackVersion
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership, StackScope
from common.rights.permissions import Permission
from common.stacks import steps as stacks

PAGE_SIZE, PAGE_LIMIT = 100, 1_000
_HEADINGS = (
    "ID",
    "Status",
    "Priority",
    "Severity",
    "Level",
    "Stack",
    "Policy pack",
    "Version",
    "Policy",
    "Resource",
    "Message",
    "Observed",
    "Assigned to",
)
_NO_SEVERITY = "none"


class Entity(StrEnum):
    """What compliance is listed by."""

    STACK = "stack"
    ACCOUNT = "account"
    SEVERITY = "severity"


@dataclass(frozen=True, slots=True)
class IssueQuery:
    """Which issues, in which order, and which rows of them."""

    condition: Condition | None = None
    order: tuple[Sorting, ...] = ()
    first: int = 0
    last: int = PAGE_SIZE
    is_closed: bool = False

    @property
    def statuses(self) -> tuple[IssueStatus, ...]:
        """Return the statuses that are listed: those that a condition names, or else active or closed ones."""
        if self.condition is not None and _names_status(self.condition):
            return tuple(IssueStatus)
        return CLOSED if self.is_closed else ACTIVE


@dataclass(frozen=True, slots=True)
class IssueChange:
    """Changes of an issue; members that are None stay. `assignee` is a login, or an empty text for no one."""

    status: str | None = None
    priority: str | None = None
    assignee: str | None = None


@dataclass(frozen=True, slots=True)
class Compliance:
    """The packs, and of each stack or severity how many of a hundred resources comply with each, -1 for none."""

    packs: list[str]
    scores: dict[str, list[int]]


@dataclass(frozen=True, slots=True)
class PolicyCompliance:
    """How a policy is met in all stacks that the caller sees."""

    result: PolicyResult
    percent: int


def page_issues(backend: Backend, caller: Caller, org: str, query: IssueQuery) -> tuple[list[Issue], int]:
    """Return issues of the stacks that the caller sees, and how many match in all."""
    scope = _scope(caller, org)
    _check(query)
    window = (query.first, min(max(query.last, query.first), query.first + PAGE_LIMIT))
    with backend.db.connect() as connection:
        return issues.page_issues(connection, scope, query.condition, query.statuses, order=query.order, window=window)


def count_by(backend: Backend, caller: Caller, org: str, query: IssueQuery, column: str) -> list[tuple[str, int]]:
    """Return the values of a column with the number of issues that have each, the most frequent first."""
    scope = _scope(caller, org)
    _check(query)
    require_column(column)
    with backend.db.connect() as connection:
        return issues.count_by(connection, scope, query.condition, query.statuses, column)


def export_issues(backend: Backend, caller: Caller, org: str, query: IssueQuery, *, page_size: int = PAGE_LIMIT) -> Iterator[str]:
    """Return all issues that match now as CSV, in parts that are read one after the other.

    Which issues there are, and their order, is read at once: updates change issues while parts are sent.
    """
    scope = _scope(caller, org)
    _check(query)
    with backend.db.connect() as connection:
        ids = issues.list_ids(connection, scope, query.condition, query.statuses, query.order)
    return _export(backend, scope, ids, page_size)


def get_issue(backend: Backend, caller: Caller, org: str, issue_id: str) -> tuple[Issue, PackVersion | None]:
    """Return an issue, and the version of the pack that found it unless that was deleted; NotFound for an unknown one."""
    scope = _scope(caller, org)
    with backend.db.connect() as connection:
        issue = issues.find_issue(connection, scope, issue_id)
        if issue is None:
            raise _missing(issue_id)
        return issue, packs.find_version(connection, scope.org_id, issue.pack, issue.tag)


def update_issue(
    backend: Backend, caller: Caller, org: str, issue_id: str, change: IssueChange
) -> tuple[Issue, PackVersion | None]:
    """Change status, priority or assignee of an issue, and return it; BadRequest for what a person cannot set."""
    membership = caller.require(Permission.POLICY_RESULTS_UPDATE, org, missing=missing_org(org))
    scope = caller.stack_scope(membership, stacks.LISTABLE)
    if change.status is not None and change.status not in SETTABLE:
        raise BadRequest(f"status must be one of {', '.join(SETTABLE)}; updates set an issue to fixed")
    if change.priority is not None and change.priority not in PRIORITIES:
        raise BadRequest(f"priority must be one of {', '.join(PRIORITIES)}")

    def attempt() -> None:
        with backend.db.begin() as tx:
            issue = issues.find_issue(tx, scope, issue_id)
            if issue is None:
                raise _missing(issue_id)
            values: dict[str, str | None] = {}
            if change.status is not None:
                values["status"] = change.status
            if change.priority is not None:
                values["priority"] = change.priority
            if change.assignee is not None:
                values["assigned_to"] = issues.find_member(tx, membership.org_id, change.assignee) if change.assignee else None
                if change.assignee and values["assigned_to"] is None:
                    raise BadRequest(f"{change.assignee[:100]!a} is not a member of organization {org}")
            issues.update_issue(tx, issue_id, values, unix_millis(backend.clock.now()))
            audit.record(
                tx, backend, caller, membership.org_id, Event.POLICY_ISSUE_UPDATED, description=_described(issue, change)
            )

    retry(attempt)
    with backend.db.connect() as connection:
        issue = issues.find_issue(connection, scope, issue_id)
        if issue is None:
            raise _missing(issue_id)
        return issue, packs.find_version(connection, scope.org_id, issue.pack, issue.tag)


def page_compliance(
    backend: Backend,
    caller: Caller,
    org: str,
    entity: Entity,
    *,
    size: int = PAGE_LIMIT,
    offset: int = 0,
    token: str | None = None,
) -> tuple[Compliance, str | None]:
    """Return how far stacks or severities comply with each pack, and the token of the next page or None.

    Stacks come in pages, from a place in their list or after a token; severities are few, and are all on one page.
    """
    scope = _scope(caller, org)
    sealed = seal(caller.user_id, scope.org_id, "compliance")
    after = read_token(token, sealed, 2) if token else None
    if entity is Entity.ACCOUNT:
        return Compliance([], {}), None
    size = min(max(size, 1), PAGE_LIMIT)
    with backend.db.connect() as connection:
        columns = results.list_packs(connection, scope)
        if entity is Entity.SEVERITY:
            return _compliance(columns, results.sum_by_severity(connection, scope), _severity_order), None
        position = (after[0], after[1]) if after is not None else None
        names = results.page_stacks(connection, scope, after=position, offset=offset, limit=size + 1)
        sums = results.sum_by_stack(connection, scope, names[:size]) if names else []
    return _compliance(columns, sums, _name_order), make_token(sealed, *names[size - 1]) if len(names) > size else None


def page_policies(
    backend: Backend, caller: Caller, org: str, *, first: int = 0, last: int = PAGE_LIMIT
) -> tuple[list[PolicyCompliance], int]:
    """Return how policies are met in all stacks that the caller sees, for a window of rows, and how many policies there are."""
    scope = _scope(caller, org)
    window = (first, min(max(last, first), first + PAGE_LIMIT))
    with backend.db.connect() as connection:
        rows, count = results.sum_by_policy(connection, scope, window)
    return [PolicyCompliance(row, percent(row.governed, row.failing)) for row in rows], count


def list_stack_results(backend: Backend, caller: Caller, org: str, stack_id: str) -> list[PolicyResult]:
    """Return the results of policies in a stack that the caller sees."""
    scope = _scope(caller, org)
    with backend.db.connect() as connection:
        return results.list_results(connection, scope, stack_id)


def get_totals(backend: Backend, caller: Caller, org: str) -> Totals:
    """Return how many policies and resources there are in the stacks that the caller sees, and how many have open issues."""
    scope = _scope(caller, org)
    with backend.db.connect() as connection:
        totals = issues.count_active(connection, scope, ACTIVE)
        policies, with_results = results.count_policies_and_stacks(connection, scope)
    return replace(totals, policies=policies, stacks=with_results)


def _compliance(
    columns: list[str], sums: Sequence[tuple[str, str, int, int]], order: Callable[[str], tuple[int, str]]
) -> Compliance:
    places = {pack: place for place, pack in enumerate(columns)}
    rows: dict[str, list[int]] = {}
    for name, pack, governed, failing in sums:
        # A pack that has results since the columns were read has no place.
        if pack in places:
            rows.setdefault(name or _NO_SEVERITY, [-1] * len(columns))[places[pack]] = percent(governed, failing)
    return Compliance(columns, dict(sorted(rows.items(), key=lambda row: order(row[0]))))


def _name_order(name: str) -> tuple[int, str]:
    return 0, name


def _severity_order(name: str) -> tuple[int, str]:
    """Return the place of a severity: the most serious first, what is no severity last."""
    return (-SEVERITIES.index(name) if name in SEVERITIES else 1), name


def _scope(caller: Caller, org: str) -> StackScope:
    membership: Membership = caller.require(Permission.POLICY_RESULTS_READ, org, missing=missing_org(org))
    return caller.stack_scope(membership, stacks.LISTABLE)


def _check(query: IssueQuery) -> None:
    if query.condition is not None:
        require_size(query.condition)
    if len(query.order) > SORTING_LIMIT:
        raise BadRequest(f"issues can be sorted by {SORTING_LIMIT} columns")
    for sorting in query.order:
        require_column(sorting.column)


def _names_status(condition: Condition) -> bool:
    if isinstance(condition, Leaf):
        return condition.column == "status"
    return any(_names_status(part) for part in condition.conditions)


def _described(issue: Issue, change: IssueChange) -> str:
    texts = {"status": change.status, "priority": change.priority, "assignee": change.assignee}
    changes = ", ".join(f"{name} {text or 'no one'}" for name, text in texts.items() if text is not None)
    return f"Changed an issue of policy {issue.policy!a} in stack {issue.project}/{issue.stack}: {changes or 'nothing'}"


def _export(backend: Backend, scope: StackScope, ids: Sequence[str], page_size: int) -> Iterator[str]:
    yield csv_line(_HEADINGS)
    for start in range(0, len(ids), page_size):
        with backend.db.connect() as connection:
            rows = issues.list_by_ids(connection, scope, ids[start : start + page_size])
        yield "".join(csv_line(_cells(issue)) for issue in rows)


def _cells(issue: Issue) -> tuple[str, ...]:
    return (
        issue.id,
        issue.status,
        issue.priority,
        issue.severity,
        issue.level,
        f"{issue.project}/{issue.stack}",
        issue.pack,
        issue.tag,
        issue.policy,
        issue.urn,
        issue.message,
        from_millis(issue.observed_at).isoformat(),
        issue.assignee.login if issue.assignee is not None else "",
    )


def _missing(issue_id: str) -> NotFound:
    return NotFound(f"Policy issue {issue_id[:100]!a} not found")
