"""Rows of policy groups, of their stacks and of their packs."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    case,
    delete,
    func,
    insert,
    not_,
    or_,
    select,
    true,
    tuple_,
    update,
)

from common.db.tables.people import organizations
from common.db.tables.policies import policy_group_packs, policy_group_stacks, policy_groups, policy_pack_versions
from common.db.tables.stacks import stacks, updates
from common.policies.groups.model import AppliedPack, Coverage, EntityType, Group, PackReference, StackName, TaggedStack
from common.rights.membership import StackScope
from common.stacks.engine.policy_groups import Mode, predicate_of
from common.stacks.repository import visibility  # arch: which stacks a caller sees is one condition for all lists

_groups, _packs, _versions = policy_groups.c, policy_group_packs.c, policy_pack_versions.c
_newest = updates.alias("newest")
# Groups in one statement.
_GROUPS_AT_ONCE = 50
_T = TypeVar("_T")
_APPLIED = (
    _versions.id,
    _versions.name,
    _versions.version,
    _versions.tag,
    _versions.display_name,
    _packs.config,
    _packs.environments,
)


def lock(tx: Connection, org_id: str) -> None:
    """Lock an organization, so that one transaction at a time changes its policy packs and groups."""
    tx.execute(select(organizations.c.id).where(organizations.c.id == org_id).with_for_update())


def list_groups(connection: Connection, org_id: str) -> list[Group]:
    """Return the groups that have a row, by name."""
    query = select(policy_groups).where(_groups.org_id == org_id).order_by(_groups.name)
    return [_to_group(row) for row in connection.execute(query)]


def find(connection: Connection, org_id: str, name: str) -> Group | None:
    """Return a group by name, or None."""
    row = connection.execute(select(policy_groups).where(_groups.org_id == org_id, _groups.name == name)).one_or_none()
    return _to_group(row) if row is not None else None


def list_explicit(connection: Connection, org_id: str, stack_ids: Collection[str] | None = None) -> dict[str, frozenset[str]]:
    """Return group id → ids of the live stacks that were added to it, of all stacks or some."""
    query = (
        select(policy_group_stacks.c.group_id, policy_group_stacks.c.stack_id)
        .join(policy_groups, _groups.id == policy_group_stacks.c.group_id)
        .join(stacks, and_(stacks.c.id == policy_group_stacks.c.stack_id, stacks.c.org_id == org_id, stacks.c.live == 1))
        .where(_groups.org_id == org_id)
    )
    if stack_ids is not None:
        query = query.where(policy_group_stacks.c.stack_id.in_(sorted(stack_ids)))
    members: dict[str, set[str]] = {}
    for row in connection.execute(query):
        members.setdefault(row.group_id, set()).add(row.stack_id)
    return {group_id: frozenset(ids) for group_id, ids in members.items()}


def page_tagged_stacks(
    connection: Connection, scope: StackScope, after: tuple[str, str] | None, limit: int, *, with_resources: bool = False
) -> list[TaggedStack]:
    """Return live stacks that a caller sees, by project and name, after a position (project, name) if there is one.

    The number of their resources is read if wanted.
    """
    query: Select[Any] = select(stacks.c.id, stacks.c.project, stacks.c.name, stacks.c.tags).select_from(stacks)
    query = query.where(*_live(scope), *_after(after))
    if with_resources:
        query = query.join(updates, _is_latest()).add_columns(updates.c.resource_count)
    rows = connection.execute(query.order_by(stacks.c.project, stacks.c.name).limit(limit))
    return [_to_stack(row) for row in rows]


def list_stack_ids(connection: Connection, group_id: str) -> frozenset[str]:
    """Return the ids of the stacks that were added to a group, of deleted ones too."""
    query = select(policy_group_stacks.c.stack_id).where(policy_group_stacks.c.group_id == group_id)
    return frozenset(connection.scalars(query))


def list_visible_stack_ids(connection: Connection, scope: StackScope, group_id: str) -> frozenset[str]:
    """Return the ids of the live stacks that were added to a group and that the caller sees."""
    query = (
        select(stacks.c.id)
        .join(policy_group_stacks, policy_group_stacks.c.stack_id == stacks.c.id)
        .where(policy_group_stacks.c.group_id == group_id)
        .where(*_live(scope))
    )
    return frozenset(connection.scalars(query))


def count_packs(connection: Connection, org_id: str) -> dict[str, int]:
    """Return group id → number of its packs."""
    query = (
        select(_packs.group_id, func.count().label("packs"))
        .join(policy_groups, _groups.id == _packs.group_id)
        .where(_groups.org_id == org_id)
        .group_by(_packs.group_id)
    )
    return {row.group_id: row.packs for row in connection.execute(query)}


def list_packs(connection: Connection, group_id: str) -> dict[str, AppliedPack]:
    """Return the packs of a group by name."""
    query: Select[Any] = (
        select(*_APPLIED)
        .select_from(policy_group_packs)
        .join(policy_pack_versions, _versions.id == _packs.version_id)
        .where(_packs.group_id == group_id)
        .order_by(_packs.pack_name)
    )
    return {row.name: _to_applied(row) for row in connection.execute(query)}


def find_applied(connection: Connection, org_id: str, pack: str) -> dict[str, AppliedPack]:
    """Return group id → the version of a pack that it applies."""
    query: Select[Any] = (
        select(_packs.group_id, *_APPLIED)
        .select_from(policy_group_packs)
        .join(policy_groups, _groups.id == _packs.group_id)
        .join(policy_pack_versions, _versions.id == _packs.version_id)
        .where(_groups.org_id == org_id, _packs.pack_name == pack)
    )
    return {row.group_id: _to_applied(row) for row in connection.execute(query)}


def list_tagged_stacks(connection: Connection, scope: StackScope) -> list[TaggedStack]:
    """Return the live stacks that a caller sees, by project and name."""
    query: Select[Any] = select(stacks.c.id, stacks.c.project, stacks.c.name, stacks.c.tags).where(*_live(scope))
    return [_to_stack(row) for row in connection.execute(query.order_by(stacks.c.project, stacks.c.name))]


def count_members(connection: Connection, org_id: str, groups: Sequence[Group]) -> dict[str, int]:
    """Return group name → number of its live stacks, for all groups of an organization."""
    of_stacks = [group for group in groups if group.entity_type is EntityType.STACKS]
    counts = dict.fromkeys((group.name for group in groups), 0)
    for chunk in _chunks(of_stacks):
        columns = [
            select(func.count())
            .select_from(stacks)
            .where(stacks.c.org_id == org_id, stacks.c.live == 1, _is_in_any([group], groups))
            .scalar_subquery()
            .label(f"group_{place}")
            for place, group in enumerate(chunk)
        ]
        counts |= zip((group.name for group in chunk), connection.execute(select(*columns)).one(), strict=True)
    return counts


def get_coverage(
    connection: Connection, org_id: str, groups: Sequence[Group], with_packs: Collection[str]
) -> dict[str, Coverage]:
    """Return how many stacks and resources groups with packs cover, by mode, in any of them, and how many there are."""
    covering = {mode: [group for group in groups if group.id in with_packs and group.mode is mode] for mode in Mode}
    conditions = {mode.value: _is_in_any(some, groups) for mode, some in covering.items()}
    conditions |= {"protected": or_(*conditions.values()), "total": true()}
    columns = [
        func.coalesce(func.sum(case((condition, value), else_=0)), 0)
        for condition in conditions.values()
        for value in (1, updates.c.resource_count)
    ]
    query = (
        select(*(column.label(f"sum_{place}") for place, column in enumerate(columns)))
        .select_from(stacks)
        .join(updates, _is_latest())
        .where(stacks.c.org_id == org_id, stacks.c.live == 1)
    )
    sums = [int(value) for value in connection.execute(query).one()]
    return {key: Coverage(*pair) for key, pair in zip(conditions, zip(sums[::2], sums[1::2], strict=True), strict=True)}


def count_matching(connection: Connection, scope: StackScope, rule: str) -> tuple[int, int]:
    """Return how many of the stacks that a caller sees match a rule, and how many there are."""
    is_match = case((visibility.matches(predicate_of(rule)), 1), else_=0)
    row = connection.execute(select(func.coalesce(func.sum(is_match), 0), func.count()).select_from(stacks).where(*_live(scope)))
    matching, total = row.one()
    return int(matching), total


def page_matching(
    connection: Connection, scope: StackScope, rule: str, *, search: str, after: tuple[str, str] | None, limit: int
) -> list[TaggedStack]:
    """Return stacks that a caller sees and that match a rule, by project and name, after a position if there is one."""
    name = func.lower(stacks.c.project.concat("/").concat(stacks.c.name))
    query: Select[Any] = select(stacks.c.id, stacks.c.project, stacks.c.name, stacks.c.tags).where(*_live(scope))
    query = query.where(visibility.matches(predicate_of(rule)), *_after(after))
    if search:
        query = query.where(name.contains(search.lower(), autoescape=True))
    rows = connection.execute(query.order_by(stacks.c.project, stacks.c.name).limit(limit))
    return [_to_stack(row) for row in rows]


def find_stacks(connection: Connection, scope: StackScope, names: Collection[StackName]) -> dict[StackName, str]:
    """Return name → id of those of the stacks that the caller sees."""
    if not names:
        return {}
    is_named = tuple_(stacks.c.project, stacks.c.name).in_([(name.project, name.name) for name in names])
    query = select(stacks.c.id, stacks.c.project, stacks.c.name).where(stacks.c.live == 1, stacks.c.org_id == scope.org_id)
    rows = connection.execute(query.where(is_named, visibility.in_scopes([scope])))
    return {StackName(row.project, row.name): row.id for row in rows}


def find_versions(connection: Connection, org_id: str, packs: Iterable[PackReference]) -> dict[str, list[AppliedPack]]:
    """Return pack name → its usable versions, newest first."""
    names = sorted({pack.name for pack in packs})
    if not names:
        return {}
    query: Select[Any] = (
        select(_versions.id, _versions.name, _versions.version, _versions.tag, _versions.display_name)
        .where(_versions.org_id == org_id, _versions.name.in_(names), _versions.live_tag.is_not(None))
        .order_by(_versions.name, _versions.version.desc())
    )
    versions: dict[str, list[AppliedPack]] = {}
    for row in connection.execute(query):
        versions.setdefault(row.name, []).append(_to_applied(row))
    return versions


def find_details(connection: Connection, version_ids: Collection[str]) -> dict[str, str]:
    """Return id → text of the request that created a version."""
    if not version_ids:
        return {}
    query = select(_versions.id, _versions.details).where(_versions.id.in_(sorted(version_ids)))
    return {row.id: row.details for row in connection.execute(query)}


def has_packs(connection: Connection, org_id: str) -> bool:
    """Tell whether a group of an organization applies a pack."""
    query = select(_packs.group_id).join(policy_groups, _groups.id == _packs.group_id).where(_groups.org_id == org_id).limit(1)
    return connection.execute(query).first() is not None


def add(tx: Connection, org_id: str, group: Group, now_millis: int) -> None:
    """Insert a group; IntegrityError for a name that another group has."""
    tx.execute(insert(policy_groups).values(id=group.id, org_id=org_id, created_at=now_millis, **_values(group)))


def replace(tx: Connection, group: Group) -> None:
    """Store the name and the rules of a group; IntegrityError for a name that another group has."""
    tx.execute(update(policy_groups).where(_groups.id == group.id).values(_values(group)))


def replace_stacks(tx: Connection, group_id: str, *, removed: Collection[str], added: Collection[str]) -> None:
    """Remove stacks from a group and add others."""
    if removed:
        condition = (policy_group_stacks.c.group_id == group_id, policy_group_stacks.c.stack_id.in_(sorted(removed)))
        tx.execute(delete(policy_group_stacks).where(*condition))
    if added:
        tx.execute(insert(policy_group_stacks), [{"group_id": group_id, "stack_id": stack_id} for stack_id in sorted(added)])


def replace_packs(tx: Connection, group_id: str, *, removed: Collection[str], added: Sequence[AppliedPack]) -> None:
    """Remove packs from a group by name, and add others."""
    if removed:
        tx.execute(delete(policy_group_packs).where(_packs.group_id == group_id, _packs.pack_name.in_(sorted(removed))))
    if added:
        rows = [
            {
                "group_id": group_id,
                "pack_name": pack.name,
                "version_id": pack.version_id,
                "config": pack.config,
                "environments": pack.environments,
            }
            for pack in added
        ]
        tx.execute(insert(policy_group_packs), rows)


def delete_group(tx: Connection, group_id: str) -> None:
    """Delete a group with its rows of stacks and packs."""
    tx.execute(delete(policy_group_stacks).where(policy_group_stacks.c.group_id == group_id))
    tx.execute(delete(policy_group_packs).where(_packs.group_id == group_id))
    tx.execute(delete(policy_groups).where(_groups.id == group_id))


def _live(scope: StackScope) -> tuple[ColumnElement[bool], ...]:
    return stacks.c.live == 1, stacks.c.org_id == scope.org_id, visibility.in_scopes([scope])


def _is_latest() -> ColumnElement[bool]:
    latest = select(func.max(_newest.c.version)).where(_newest.c.stack_id == stacks.c.id).scalar_subquery()
    return and_(updates.c.stack_id == stacks.c.id, updates.c.version == latest)


def _after(position: tuple[str, str] | None) -> tuple[ColumnElement[bool], ...]:
    if position is None:
        return ()
    project, name = position
    return (or_(stacks.c.project > project, and_(stacks.c.project == project, stacks.c.name > name)),)


def _is_in_any(some: Sequence[Group], groups: Sequence[Group]) -> ColumnElement[bool]:
    """Return the condition that a stack is in some of all groups, as `members_of` decides it: added, by a rule, or by default."""
    condition = _belongs(some)
    if not any(group.is_default for group in some):
        return condition
    others = [group for group in groups if not group.is_default and group.mode is Mode.PREVENTATIVE]
    return or_(condition, not_(_belongs([group for group in others if group.entity_type is EntityType.STACKS])))


def _belongs(groups: Sequence[Group]) -> ColumnElement[bool]:
    """Return the condition that a stack was added to one of some groups, or matches a rule of theirs.

    Groups are one alternative and each rule is one, because SQLite bounds how many alternatives an expression has.
    """
    added = select(policy_group_stacks.c.stack_id).where(policy_group_stacks.c.group_id.in_([group.id for group in groups]))
    rules = dict.fromkeys(group.stack_rule for group in groups if group.stack_rule is not None)
    return or_(stacks.c.id.in_(added), *(visibility.matches(predicate_of(rule)) for rule in rules))


def _chunks(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(items), _GROUPS_AT_ONCE):
        yield items[start : start + _GROUPS_AT_ONCE]


def _values(group: Group) -> Mapping[str, Any]:
    return {
        "name": group.name,
        "entity_type": group.entity_type.value,
        "mode": group.mode.value,
        "agent_pool_id": group.agent_pool_id,
        "stack_rule": group.stack_rule,
        "account_rule": group.account_rule,
    }


def _to_group(row: Row[Any]) -> Group:
    return Group(
        row.id, row.name, EntityType(row.entity_type), Mode(row.mode), row.agent_pool_id, row.stack_rule, row.account_rule
    )


def _to_applied(row: Row[Any]) -> AppliedPack:
    texts = (getattr(row, "config", None), getattr(row, "environments", None))
    return AppliedPack(row.name, row.id, row.version, row.tag, row.display_name, *texts)


def _to_stack(row: Row[Any]) -> TaggedStack:
    tags = msgspec.json.decode(row.tags, type=dict[str, str])
    return TaggedStack(row.id, row.project, row.name, tags, getattr(row, "resource_count", 0))
