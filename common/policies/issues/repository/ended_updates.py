"""Rows that an ended update writes: its issues, and the results of the policies that it ran."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, bindparam, delete, insert, select, update

from common.db.tables.people import organizations
from common.db.tables.policies import policy_issues, policy_results
from common.db.tables.stacks import stacks, updates
from common.policies.issues.model import (
    SEVERITIES,
    EndedUpdate,
    Findings,
    IssueStatus,
    PolicyKey,
    Source,
    StoredIssue,
    Violation,
    priority_of,
)
from common.rights.predicate import Entity, EntityKind
from common.stacks.model import Kind, StackPath, Status

_issues, _results = policy_issues.c, policy_results.c


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


def find_path(connection: Connection, stack_id: str) -> StackPath | None:
    """Return the name of a live stack, or None."""
    query = select(organizations.c.login, stacks.c.project, stacks.c.name).join(
        organizations, organizations.c.id == stacks.c.org_id
    )
    row = connection.execute(query.where(stacks.c.id == stack_id, stacks.c.live == 1)).one_or_none()
    return StackPath(row.login, row.project, row.name) if row is not None else None


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
    ranks = {word: number for number, word in enumerate(SEVERITIES, 1)}
    for violation in findings.violations.values():
        known = severities.get(violation.key, "")
        if ranks.get(violation.severity, 0) >= ranks.get(known, 0):
            severities[violation.key] = violation.severity
    return severities


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
