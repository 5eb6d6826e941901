"""The statement that finds the policy packs of a stack; it reads the tables of the policies area."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, and_, case, null, or_, select

from common.db.tables.policies import (
    policy_exceptions,
    policy_group_packs,
    policy_group_stacks,
    policy_groups,
    policy_pack_versions,
)
from common.stacks.engine.policy_groups import Mode, StackGroup

_STACKS = "stacks"


@dataclass(frozen=True, slots=True)
class AppliedPack:
    """A version of a pack in a group. `details` is the text of its publication, for groups of mode audit alone.

    `exceptions` are the active ones of the pack: number, reason, and the JSON text of what they are for.
    """

    name: str
    version: int
    tag: str
    display_name: str
    blob_key: str
    config: str | None
    environments: str | None
    details: str | None
    exceptions: tuple[tuple[int, str, str], ...] = ()


def list_groups(connection: Connection, org_id: str, stack_id: str, now_millis: int) -> dict[StackGroup, list[AppliedPack]]:
    """Return every policy group of an organization with its packs, and whether a stack was added to it, in one statement."""
    packs: dict[StackGroup, dict[str, AppliedPack]] = {}
    for group, pack in _rows(connection, org_id, stack_id, now_millis):
        of_group = packs.setdefault(group, {})
        if pack is not None and pack.name in of_group:
            of_group[pack.name] = replace(pack, exceptions=of_group[pack.name].exceptions + pack.exceptions)
        elif pack is not None:
            of_group[pack.name] = pack
    return {group: list(of_group.values()) for group, of_group in packs.items()}


def _rows(connection: Connection, org_id: str, stack_id: str, now_millis: int) -> Iterator[tuple[StackGroup, AppliedPack | None]]:
    member, pack, version, exception = (
        table.c for table in (policy_group_stacks, policy_group_packs, policy_pack_versions, policy_exceptions)
    )
    is_active = and_(
        exception.org_id == policy_groups.c.org_id,
        exception.pack_name == pack.pack_name,
        exception.removed_at.is_(None),
        or_(exception.expires_at.is_(None), exception.expires_at > now_millis),
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
            exception.number,
            exception.reason,
            exception.matches,
            case((policy_groups.c.mode == Mode.AUDIT, version.details), else_=null()).label("details"),
        )
        .select_from(policy_groups)
        .outerjoin(policy_group_stacks, and_(member.group_id == policy_groups.c.id, member.stack_id == stack_id))
        .outerjoin(policy_group_packs, pack.group_id == policy_groups.c.id)
        .outerjoin(policy_pack_versions, version.id == pack.version_id)
        .outerjoin(policy_exceptions, is_active)
        .where(policy_groups.c.org_id == org_id, policy_groups.c.entity_type == _STACKS)
        .order_by(policy_groups.c.name, pack.pack_name, exception.number)
    )
    for row in connection.execute(query):
        group = StackGroup(row.id, row.group_name, Mode(row.mode), row.stack_rule, row.stack_id is not None)
        yield group, _pack(row) if row.name is not None else None


def _pack(row: Any) -> AppliedPack:  # noqa: ANN401 - a row
    exceptions = ((row.number, row.reason, row.matches),) if row.number is not None else ()
    return AppliedPack(
        row.name,
        row.version,
        row.tag,
        row.display_name,
        row.blob_key or "",
        row.config,
        row.environments,
        row.details,
        exceptions,
    )
