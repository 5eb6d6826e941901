"""The statements that find the policy packs of a stack; they read the tables of the policies area."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, and_, case, exists, null, or_, select

from common.db.tables.policies import (
    policy_exceptions,
    policy_group_packs,
    policy_group_stacks,
    policy_groups,
    policy_pack_versions,
)
from common.stacks.engine.policy_groups import AppliedPack, Mode, StackGroup

_STACKS = "stacks"


def list_groups(connection: Connection, org_id: str, stack_id: str) -> dict[StackGroup, list[AppliedPack]]:
    """Return every policy group of an organization with its packs, and whether a stack was added to it, in one statement."""
    member, pack, version, exception = (
        table.c for table in (policy_group_stacks, policy_group_packs, policy_pack_versions, policy_exceptions)
    )
    has_exceptions = exists().where(
        exception.org_id == policy_groups.c.org_id, exception.pack_name == pack.pack_name, exception.removed_at.is_(None)
    )
    query = (
        select(
            policy_groups.c.id,
            policy_groups.c.name.label("group_name"),
            policy_groups.c.mode,
            policy_groups.c.stack_rule,
            member.stack_id,
            pack.config,
            pack.environments,
            version.name,
            version.version,
            version.tag,
            version.display_name,
            version.blob_key,
            has_exceptions.label("has_exceptions"),
            case((policy_groups.c.mode == Mode.AUDIT, version.details), else_=null()).label("details"),
        )
        .select_from(policy_groups)
        .outerjoin(policy_group_stacks, and_(member.group_id == policy_groups.c.id, member.stack_id == stack_id))
        .outerjoin(policy_group_packs, pack.group_id == policy_groups.c.id)
        .outerjoin(policy_pack_versions, version.id == pack.version_id)
        .where(policy_groups.c.org_id == org_id, policy_groups.c.entity_type == _STACKS)
        .order_by(policy_groups.c.name, pack.pack_name)
    )
    groups: dict[StackGroup, list[AppliedPack]] = {}
    for row in connection.execute(query):
        group = StackGroup(row.id, row.group_name, Mode(row.mode), row.stack_rule, row.stack_id is not None)
        groups.setdefault(group, []).extend([_pack(row)] if row.name is not None else [])
    return groups


def list_exceptions(
    connection: Connection, org_id: str, packs: Collection[str], now_millis: int
) -> dict[str, list[tuple[int, str, str]]]:
    """Return pack name → its active exceptions: number, reason, and the JSON text of what they are for."""
    exception = policy_exceptions.c
    query = (
        select(exception.pack_name, exception.number, exception.reason, exception.matches)
        .where(exception.org_id == org_id, exception.pack_name.in_(sorted(packs)), exception.removed_at.is_(None))
        .where(or_(exception.expires_at.is_(None), exception.expires_at > now_millis))
        .order_by(exception.number)
    )
    exceptions: dict[str, list[tuple[int, str, str]]] = {}
    for row in connection.execute(query):
        exceptions.setdefault(row.pack_name, []).append((row.number, row.reason, row.matches))
    return exceptions


def _pack(row: Any) -> AppliedPack:  # noqa: ANN401 - a row
    return AppliedPack(
        row.name,
        row.version,
        row.tag,
        row.display_name,
        row.blob_key or "",
        row.config,
        row.environments,
        row.details,
        bool(row.has_exceptions),
    )
