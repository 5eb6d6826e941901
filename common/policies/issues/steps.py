"""The step that turns the events of an ended update into issues; the outbox calls it."""

from common.backend import Backend
from common.core.ids import new_id
from common.db.retry import retry
from common.outbox.model import Message
from common.policies.issues.findings import read_findings
from common.policies.issues.model import EndedUpdate, Findings, IssueStatus, Source, fixed_issues
from common.policies.issues.repository import ended_updates
from common.stacks import required_policies
from common.stacks.engine.policy_groups import Mode
from common.stacks.overview import events

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


def _reopened(status: IssueStatus) -> IssueStatus:
    return IssueStatus.OPEN if status is IssueStatus.FIXED else status
