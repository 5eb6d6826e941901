"""Rows of the groups of directories, each of them a team."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, exists, func, insert, select, update

from common.db.tables.people import team_members, teams, users
from common.db.tables.sign_in import scim_groups, scim_users
from common.sign_in.scim.filters import Condition, Operator
from common.sign_in.scim.model import Group, GroupMember, GroupProfile, Invalid, ScimType
from common.sign_in.scim.query import Asked, Page
from common.sign_in.scim.repository.filters import total_of, where

_COLUMNS = {
    "id": (scim_groups.c.team_id, True),
    "displayname": (scim_groups.c.display_name, False),
    "externalid": (scim_groups.c.external_id, False),
}
_OF_MEMBERS = ("members", "members.value")
# A team that was deleted here is no group any more.
_FROM = scim_groups.join(teams, and_(teams.c.id == scim_groups.c.team_id, teams.c.org_id == scim_groups.c.org_id))
_GROUPS: Select[Any] = select(
    scim_groups.c.team_id,
    scim_groups.c.display_name,
    scim_groups.c.external_id,
    scim_groups.c.version,
    scim_groups.c.created_at,
    scim_groups.c.modified_at,
).select_from(_FROM)


def find(connection: Connection, org_id: str, group_id: str) -> Group | None:
    """Return a group without its members, or None."""
    row = connection.execute(_GROUPS.where(scim_groups.c.org_id == org_id, scim_groups.c.team_id == group_id)).one_or_none()
    return Group(*row) if row is not None else None


def page(connection: Connection, org_id: str, asked: Asked) -> Page[Group]:
    """Return a page of an organization's groups by name, without members, and how many there are."""
    others = [one for one in asked.conditions if one.attribute not in _OF_MEMBERS]
    having = [_has(one) for one in asked.conditions if one.attribute in _OF_MEMBERS]
    chosen = (scim_groups.c.org_id == org_id, *where(others, _COLUMNS), *having)
    query = _GROUPS.where(*chosen).order_by(scim_groups.c.display_name).offset(asked.start - 1).limit(asked.count)
    found = [Group(*row) for row in connection.execute(query)] if asked.count else []
    total = total_of(asked, len(found))
    if total is None:
        total = connection.scalar(select(func.count()).select_from(_FROM).where(*chosen)) or 0
    return Page(total, asked.start, found)


def count_members(connection: Connection, group_ids: Sequence[str]) -> dict[str, int]:
    """Return how many members some groups have."""
    query = select(team_members.c.team_id, func.count().label("number")).where(team_members.c.team_id.in_(group_ids))
    return {row.team_id: row.number for row in connection.execute(query.group_by(team_members.c.team_id))}


def with_members(connection: Connection, org_id: str, groups: Sequence[Group]) -> list[Group]:
    """Return groups with their members, in the order of the members' user names: one statement for all."""
    query = (
        select(team_members.c.team_id, scim_users.c.id, users.c.name)
        .join(scim_users, and_(scim_users.c.org_id == team_members.c.org_id, scim_users.c.user_id == team_members.c.user_id))
        .join(users, users.c.id == team_members.c.user_id)
        .where(team_members.c.team_id.in_([group.id for group in groups]), team_members.c.org_id == org_id)
        .order_by(scim_users.c.user_name)
    )
    found: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.team_id].append(row)
    return [replace(group, members=tuple(GroupMember(row.id, row.name) for row in found[group.id])) for group in groups]


def is_taken(tx: Connection, org_id: str, display_name: str) -> bool:
    """Tell whether an organization's directory has a group of that name."""
    query = select(scim_groups.c.team_id).where(scim_groups.c.org_id == org_id, scim_groups.c.display_name == display_name)
    return tx.scalar(query) is not None


def add(tx: Connection, org_id: str, team_id: str, profile: GroupProfile, now_millis: int) -> None:
    """Insert a group; IntegrityError when its name is taken."""
    tx.execute(
        insert(scim_groups).values(
            team_id=team_id,
            org_id=org_id,
            display_name=profile.display_name,
            external_id=profile.external_id,
            version=1,
            created_at=now_millis,
            modified_at=now_millis,
        ),
    )


def put(tx: Connection, group: Group, now_millis: int) -> None:
    """Store a group's names, and that it changed; IntegrityError when its name is another one's."""
    tx.execute(
        update(scim_groups)
        .values(
            display_name=group.display_name,
            external_id=group.external_id,
            version=scim_groups.c.version + 1,
            modified_at=now_millis,
        )
        .where(scim_groups.c.team_id == group.id),
    )


def remove(tx: Connection, group_id: str) -> None:
    """Delete a group; its team is deleted by whoever owns teams."""
    tx.execute(delete(scim_groups).where(scim_groups.c.team_id == group_id))


def _has(condition: Condition) -> Any:  # noqa: ANN401 - an expression
    """Return that somebody is in the group, as Entra ID asks for one member before it adds or removes them."""
    if condition.operator is not Operator.EQUAL or not isinstance(condition.value, str):
        raise Invalid(ScimType.INVALID_FILTER, 'members can be filtered by as in members eq "<id>" alone')
    return exists().where(
        team_members.c.team_id == scim_groups.c.team_id,
        team_members.c.user_id == scim_users.c.user_id,
        scim_users.c.org_id == scim_groups.c.org_id,
        scim_users.c.id == condition.value,
    )
