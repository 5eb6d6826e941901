"""The step that turns the events of an ended update into issues; the outbox calls it."""

from sqlalchemy import Connection

from common.backend import Backend
from common.core.ids import new_id
from common.db.retry import retry
from common.outbox import steps as outbox
from common.outbox.model import Message
from common.policies.issues.findings import read_findings
from common.policies.issues.model import EndedUpdate, Findings, IssueStatus, Source, StoredIssue, Violation, fixed_issues
from common.policies.issues.repository import ended_updates
from common.stacks import events as events_of_stacks
from common.stacks import required_policies
from common.stacks.engine.policy_groups import Mode
from common.stacks.events import ViolationEvent
from common.stacks.overview import events

# So many events of one update go to webhooks; its issues are all stored.
EVENTS_LIMIT = 100
# Policies that the client ran by itself (`pulumi up --policy-pack`) are of no group.
_NO_GROUP = Source("", Mode.PREVENTATIVE)


def store_results(backend: Backend, message: Message) -> None:
    """Store what an update says about policies; a repeat changes nothing. The message names the update."""
    # No permission check: the update's client was allowed to run it.
    with backend.db.connect() as connection:
        update = ended_updates.find_ended(connection, message.content)
    if update is None:
        return
    findings = read_findings(events.read_update(backend, update.id))
    if findings.tallies or update.is_destroy:
        retry(lambda: _store(backend, update, findings))


def _store(backend: Backend, update: EndedUpdate, findings: Findings) -> None:
    with backend.db.begin() as tx:
        stored = {issue.digest: issue for issue in ended_updates.lock_stored(tx, update.stack_id)}
        groups = required_policies.find_groups_of_packs(tx, update.org_id, update.stack)
        sources = {key.pack: _NO_GROUP for key in findings.tallies}
        sources |= {name: Source(group.name, group.mode) for name, group in groups.items() if name in sources}
        seen = [
            (stored[digest].id, _reopened(stored[digest].status), violation, sources[violation.key.pack])
            for digest, violation in findings.violations.items()
            if digest in stored
        ]
        new = [
            (new_id(), violation, sources[violation.key.pack])
            for digest, violation in findings.violations.items()
            if digest not in stored
        ]
        ended_updates.add_issues(tx, update, new)
        ended_updates.update_issues(tx, update, seen)
        ended_updates.fix_issues(tx, update, fixed_issues(stored.values(), findings, update))
        ended_updates.replace_results(tx, update, findings, sources)
        opened = [violation for _, violation, _ in new]
        opened += [findings.violations[issue.digest] for issue in stored.values() if _is_opened_again(issue, findings)]
        _tell(tx, backend, update, opened)


def _tell(tx: Connection, backend: Backend, update: EndedUpdate, opened: list[Violation]) -> None:
    """Queue an event of each violation that opened an issue, for webhooks."""
    path = ended_updates.find_path(tx, update.stack_id) if opened else None
    if path is None:
        return
    messages = []
    for violation in opened[:EVENTS_LIMIT]:
        level = "mandatory" if violation.level == "mandatory" else "advisory"
        event = ViolationEvent(
            name=f"policy_violation_{level}",
            stack_id=update.stack_id,
            org=path.org,
            project=path.project,
            stack=path.name,
            update_id=update.id,
            version=update.version,
            pack=violation.key.pack,
            pack_version=violation.tag,
            policy=violation.key.policy,
            level=level,
            message=violation.message,
            urn=violation.urn,
        )
        messages.append(events_of_stacks.violated(event, f"{update.id}:{violation.digest[:40]}"))
    outbox.queue(tx, backend, messages)


def _is_opened_again(issue: StoredIssue, findings: Findings) -> bool:
    return issue.status is IssueStatus.FIXED and issue.digest in findings.violations


def _reopened(status: IssueStatus) -> IssueStatus:
    return IssueStatus.OPEN if status is IssueStatus.FIXED else status
