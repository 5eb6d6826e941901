"""Statements that find and delete the states of versions that a retention policy does not keep.

The row of a version stays, as a part of the history: it loses its state, its journal and its log. A job deletes the blobs that no
row names any more.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, ScalarSelect, Select, and_, delete, exists, func, or_, select, update

from common.db.tables.people import organizations
from common.db.tables.stacks import event_batches, journal_batches, stack_tags, stacks, updates
from common.rights.org_settings import decode
from common.stacks.model import Kind, Outcome, Status
from common.stacks.repository.versions import IS_GOOD  # arch: what a good version is, is one condition
from common.stacks.retention.model import HOLD_TAG, Keep, Limits, OldVersion, RetentionPolicy

_ENDED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)
_before = updates.alias("before")
# The others have the state before them, which may be that of a failed update: a rename or transfer, a deletion, and what
# restored the stack after one.
_HAS_OWN_STATE = (
    updates.c.kind.not_in((Kind.RENAME, Kind.DELETE)),
    ~exists().where(
        _before.c.stack_id == updates.c.stack_id, _before.c.version == updates.c.version - 1, _before.c.kind == Kind.DELETE
    ),
)


@dataclass(frozen=True, slots=True)
class OrganizationPolicy:
    """An organization and its policy."""

    org_id: str
    login: str
    policy: RetentionPolicy


def find_next_policy(connection: Connection, org_id: str, *, with_itself: bool) -> OrganizationPolicy | None:
    """Return the first organization after an id, or from an id on, that does not keep everything."""
    is_next = organizations.c.id >= org_id if with_itself else organizations.c.id > org_id
    query = (
        select(organizations.c.id, organizations.c.login, organizations.c.settings)
        .where(is_next, organizations.c.settings.like('%"retention%'))
        .order_by(organizations.c.id)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return OrganizationPolicy(row.id, row.login, RetentionPolicy.of(decode(row.settings))) if row is not None else None


def page_limits(
    connection: Connection, organization: OrganizationPolicy, cutoff_millis: int, after: str, limit: int
) -> list[Limits]:
    """Return what is kept of each of a page of the organization's live stacks, after an id.

    `cutoff_millis` is when the days of the policy began.
    """
    if organization.policy.keep is Keep.ALL:
        return []
    query = _limits(organization, cutoff_millis).where(stacks.c.id > after).limit(limit)
    return _to_limits(connection, organization.policy, query, cutoff_millis)


def lock_limits(
    tx: Connection, organization: OrganizationPolicy, cutoff_millis: int, stack_ids: Collection[str]
) -> list[Limits] | None:
    """Lock the organization's policy and those of the stacks that it has, and return what is kept of them now.

    None if the policy is another one. A change of the policy, of a stack's tags or of its organization waits for the transaction.
    """
    settings = select(organizations.c.settings).where(organizations.c.id == organization.org_id).with_for_update(read=True)
    if RetentionPolicy.of(decode(tx.scalar(settings) or "{}")) != organization.policy:
        return None
    is_one = (stacks.c.id.in_(stack_ids), stacks.c.org_id == organization.org_id, stacks.c.live == 1)
    locked = tx.scalars(select(stacks.c.id).where(*is_one).order_by(stacks.c.id).with_for_update(read=True)).all()
    query = _limits(organization, cutoff_millis).where(stacks.c.id.in_(locked))
    return _to_limits(tx, organization.policy, query, cutoff_millis)


def _limits(organization: OrganizationPolicy, cutoff_millis: int) -> Select[Any]:
    policy = organization.policy
    first = _newest_ended(updates.c.ended_at <= cutoff_millis) if policy.keep is Keep.DAYS else _newest_ended()
    good = _newest_ended(*IS_GOOD, *_HAS_OWN_STATE)
    on_hold = exists().where(stack_tags.c.stack_id == stacks.c.id, stack_tags.c.name == HOLD_TAG)
    return (
        select(stacks.c.id, stacks.c.project, stacks.c.name, first.label("first"), good.label("good"), on_hold.label("on_hold"))
        .where(stacks.c.org_id == organization.org_id, stacks.c.live == 1)
        .order_by(stacks.c.id)
    )


def _to_limits(connection: Connection, policy: RetentionPolicy, query: Select[Any], cutoff_millis: int) -> list[Limits]:
    skipped, ended_by = (policy.count - 1, None) if policy.keep is Keep.VERSIONS else (0, cutoff_millis)
    page = list[Limits]()
    for row in connection.execute(query):
        first = None if row.on_hold or row.first is None else row.first - skipped
        page.append(Limits(row.id, row.project, row.name, first, row.good, ended_by))
    return page


def count_old(connection: Connection, page: Sequence[Limits]) -> tuple[int, int, int]:
    """Return how many versions are to be deleted, how many stacks they belong to, and how many states they have."""
    query = select(func.count(), func.count(updates.c.stack_id.distinct()), func.count(updates.c.checkpoint.distinct()))
    versions, stack_count, states = connection.execute(query.where(_is_old(page))).one()
    return versions, stack_count, states


def sample_checkpoints(connection: Connection, page: Sequence[Limits], limit: int) -> list[str]:
    """Return the keys of some states that are to be deleted."""
    query = select(updates.c.checkpoint).distinct().where(_is_old(page), updates.c.checkpoint.is_not(None)).limit(limit)
    return list(connection.scalars(query))


def find_old(connection: Connection, page: Sequence[Limits], limit: int) -> list[OldVersion]:
    """Return versions whose states are to be deleted, by stack and number."""
    query = (
        select(updates.c.id, updates.c.stack_id, updates.c.version, updates.c.checkpoint)
        .where(_is_old(page))
        .order_by(updates.c.stack_id, updates.c.version)
        .limit(limit)
    )
    return [OldVersion(*row) for row in connection.execute(query)]


def delete_states(tx: Connection, old: Sequence[OldVersion], now_millis: int) -> int:
    """Delete the states, journals and logs of versions, and return of how many: fewer if another process was faster."""
    ids = [version.update_id for version in old]
    changed = tx.execute(
        update(updates)
        .values(checkpoint=None, base_checkpoint=None, resource_order=None, base_order=None, state_deleted_at=now_millis)
        .where(updates.c.id.in_(ids), updates.c.state_deleted_at.is_(None)),
    )
    for table in (journal_batches, event_batches):
        tx.execute(delete(table).where(table.c.update_id.in_(ids)))
    _forget_bases(tx, old)
    return changed.rowcount


def _forget_bases(tx: Connection, old: Sequence[OldVersion]) -> None:
    """Let no version that has ended name a deleted state as the one that it began with."""
    keys: dict[str, set[str]] = defaultdict(set)
    for version in old:
        if version.checkpoint is not None:
            keys[version.stack_id].add(version.checkpoint)
    for stack_id, checkpoints in keys.items():
        # A damaged update needs the state that it began with, if it is put together after all.
        has_settled = and_(updates.c.stack_id == stack_id, updates.c.status.in_(_ENDED), updates.c.damage.is_(None))
        statement = update(updates).where(has_settled, updates.c.base_checkpoint.in_(checkpoints))
        tx.execute(statement.values(base_checkpoint=updates.c.checkpoint))


def _is_old(page: Collection[Limits]) -> ColumnElement[bool]:
    """Return the condition for versions that are not kept."""
    return and_(
        or_(False, *(_is_before(limits) for limits in page if limits.first is not None and limits.first > 0)),
        updates.c.state_deleted_at.is_(None),
        updates.c.status.in_(_ENDED),
        # The journal of a damaged update is all that there is of what it did.
        updates.c.outcome != Outcome.DAMAGED,
        # A stack that was created without a state has nothing to delete there.
        or_(updates.c.version > 0, updates.c.checkpoint.is_not(None)),
    )


def _is_before(limits: Limits) -> ColumnElement[bool]:
    is_kept = () if limits.good is None else (updates.c.version != limits.good,)
    # A version that was recorded while a clock was slow does not make those before it old.
    is_old = () if limits.ended_by is None else (updates.c.ended_at <= limits.ended_by,)
    return and_(updates.c.stack_id == limits.stack_id, updates.c.version < limits.first, *is_kept, *is_old)


def _newest_ended(*conditions: ColumnElement[bool]) -> ScalarSelect[int]:
    """Return the number of a stack's newest version that has ended, of those that meet conditions.

    While an update runs, that is the version that it began with.
    """
    return (
        select(updates.c.version)
        .where(updates.c.stack_id == stacks.c.id, updates.c.version.is_not(None), updates.c.status.in_(_ENDED), *conditions)
        .order_by(updates.c.version.desc())
        .limit(1)
        .correlate(stacks)
        .scalar_subquery()
    )
