"""Use cases of the retention policy of an organization, and the job that deletes what it does not keep.

A version loses its state, its journal and its log, and stays in the history. Kept in any case are the newest
version of a stack, the one that a running update began with, the newest good one, damaged ones, and all of a stack with HOLD_TAG.
"""

from collections import defaultdict
from datetime import timedelta

import msgspec

from common.audit import steps as audit
from common.audit.steps import Actor, Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.db.faults import Contention
from common.db.retry import retry
from common.people.orgs import steps as orgs
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission
from common.stacks.model import StackPath
from common.stacks.retention import repository
from common.stacks.retention.model import Keep, OldVersion, RetentionPolicy, RetentionPreview
from common.stacks.retention.repository import OrganizationPolicy

STACKS_PER_STEP, VERSIONS_PER_STEP = 100, 200
# So many states are measured for an estimate.
MEASURED_STATES = 50


def get_policy(backend: Backend, caller: Caller, org: str) -> RetentionPolicy:
    """Return the retention policy of an organization."""
    membership = caller.require_member(org, missing=missing_org(org))
    with backend.db.connect() as connection:
        return RetentionPolicy.of(orgs.get_settings(connection, membership.org_id))


def preview(backend: Backend, caller: Caller, org: str, policy: RetentionPolicy) -> RetentionPreview:
    """Return what a policy would delete now of all stacks of an organization."""
    membership = caller.require(Permission.ORGANIZATION_UPDATE, org, missing=missing_org(org))
    organization = OrganizationPolicy(membership.org_id, membership.login, policy)
    versions = stacks = states = 0
    sample: list[str] = []
    after = ""
    while policy.keep is not Keep.ALL:
        with backend.db.connect() as connection:
            page = repository.page_limits(connection, organization, _cutoff_millis(backend, policy), after, STACKS_PER_STEP)
            version_count, stack_count, state_count = repository.count_old(connection, page)
            sample += repository.sample_checkpoints(connection, page, MEASURED_STATES - len(sample))
        versions, stacks, states = versions + version_count, stacks + stack_count, states + state_count
        if len(page) < STACKS_PER_STEP:
            break
        after = page[-1].stack_id
    sizes = [backend.checkpoints.find_size(key) or 0 for key in sample]
    total = sum(sizes) * states // len(sizes) if sizes else 0
    return RetentionPreview(policy, versions, stacks, total, is_estimate=len(sizes) < states)


def update_policy(backend: Backend, caller: Caller, org: str, policy: RetentionPolicy) -> RetentionPolicy:
    """Change the retention policy of an organization: a job deletes within hours what it does not keep."""
    membership = caller.require(Permission.ORGANIZATION_UPDATE, org, missing=missing_org(org))

    def change() -> None:
        with backend.db.begin() as tx:
            orgs.update_settings(tx, membership.org_id, lambda old: msgspec.structs.replace(old, **policy.changes()))
            description = f"Changed the retention policy of states: {policy}"
            audit.record(tx, backend, caller, membership.org_id, Event.SETTINGS_CHANGED, description=description)

    retry(change)
    return policy


def delete_old_versions(
    backend: Backend, resume_after: str, *, stacks: int = STACKS_PER_STEP, versions: int = VERSIONS_PER_STEP
) -> tuple[int, str]:
    """Delete the states of some versions that are not kept; return how many, and where to go on, "" at the end.

    A step that was interrupted has deleted all of its versions or none.
    """
    # No permission check: the job acts for no caller, by the policies that admins set.
    org_id, _, after = resume_after.partition("/")
    with backend.db.connect() as connection:
        organization = repository.find_next_policy(connection, org_id, with_itself=bool(after))
        if organization is None:
            return 0, ""
        if organization.org_id != org_id:
            after = ""
        cutoff_millis = _cutoff_millis(backend, organization.policy)
        page = repository.page_limits(connection, organization, cutoff_millis, after, stacks)
        has_old = bool(repository.find_old(connection, page, 1))
    stack_ids = [limits.stack_id for limits in page]
    count = retry(lambda: _delete(backend, organization, cutoff_millis, stack_ids, versions)) if has_old else 0
    if count == versions:  # There may be more of these stacks; what is deleted is not found again.
        return count, f"{organization.org_id}/{after or '-'}"
    return count, f"{organization.org_id}/{page[-1].stack_id}" if len(page) == stacks else organization.org_id


def _delete(backend: Backend, organization: OrganizationPolicy, cutoff_millis: int, stack_ids: list[str], limit: int) -> int:
    with backend.db.begin() as tx:
        # Read again, now locked: an admin may have changed the policy, set a hold or transferred a stack meanwhile.
        page = repository.lock_limits(tx, organization, cutoff_millis, stack_ids)
        old = repository.find_old(tx, page, limit) if page else []
        if not page or not old:
            return 0
        if repository.delete_states(tx, old, unix_millis(backend.clock.now())) != len(old):
            raise Contention("another process deletes the same versions; try again")
        actor = Actor("", f"{organization.login}/retention")
        paths = {limits.stack_id: StackPath(organization.login, limits.project, limits.name) for limits in page}
        for stack_id, numbers in _numbers_by_stack(old).items():
            what = f"version {numbers[0]}" if len(numbers) == 1 else f"{len(numbers):,} versions, {numbers[0]} to {numbers[-1]},"
            description = f"Deleted the states of {what} of stack {paths[stack_id]}: {organization.policy}"
            audit.record_as(tx, backend, actor, organization.org_id, Event.STACK_VERSIONS_DELETED, description=description)
    return len(old)


def _numbers_by_stack(old: list[OldVersion]) -> dict[str, list[int]]:
    numbers: dict[str, list[int]] = defaultdict(list)
    for version in old:
        numbers[version.stack_id].append(version.number)
    return numbers


def _cutoff_millis(backend: Backend, policy: RetentionPolicy) -> int:
    return unix_millis(backend.clock.now() - timedelta(days=policy.count if policy.keep is Keep.DAYS else 0))
