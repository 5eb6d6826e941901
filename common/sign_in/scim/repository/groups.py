"""Rows of the groups of directories; each is a team."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, exists, func, insert, select, update

from common.db.tables.people import team_members, teams, users
from common.db.tables.sign_in import scim_groups, scim_users
from common.sign_in.scim.filters import Condition, Operator
from common.sign_in.scim.model import Group, GroupMember, GroupProfile, InvalidRequest, ScimType
from common.sign_in.scim.query import ListQuery, Page
from common.sign_in.scim.repository.filters import total_of, where

_COLUMNS = {
    "id": (scim_groups.c.team_id, True),
    "displayname": (scim_groups.c.display_name, False),
    "externalid": (scim_groups.c.external_id, False),
}
_MEMBER_ATTRIBUTES = ("members", "members.value")
# A group ends when its team is deleted here.
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


def page(connection: Connection, org_id: str, query: ListQuery) -> Page[Group]:
    """Return a page of an organization's groups by name, without members, and their total number."""
    by_column = [condition for condition in query.conditions if condition.attribute not in _MEMBER_ATTRIBUTES]
    by_member = [_has_member(condition) for condition in query.conditions if condition.attribute in _MEMBER_ATTRIBUTES]
    matches = (scim_groups.c.org_id == org_id, *where(by_column, _COLUMNS), *by_member)
    statement = _GROUPS.where(*matches).order_by(scim_groups.c.display_name).offset(query.start - 1).limit(query.count)
    groups = [Group(*row) for row in connection.execute(statement)] if query.count else []
    total = total_of(query, len(groups))
    if total is None:
        total = connection.scalar(select(func.count()).select_from(_FROM).where(*matches)) or 0
    return Page(total, query.start, groups)


def count_members(connection: Connection, group_ids: Sequence[str]) -> dict[str, int]:
    """Return the number of members of each group, by the group's id."""
    query = select(team_members.c.team_id, func.count().label("number")).where(team_members.c.team_id.in_(group_ids))
    return {row.team_id: row.number for row in connection.execute(query.group_by(team_members.c.team_id))}


def with_members(connection: Connection, org_id: str, groups: Sequence[Group]) -> list[Group]:
    """Return groups with their members, sorted by user name: one statement for all."""
    query = (
        select(team_members.c.team_id, scim_users.c.id, users.c.name)
        .join(scim_users, and_(scim_users.c.org_id == team_members.c.org_id, scim_users.c.user_id == team_members.c.user_id))
        .join(users, users.c.id == team_members.c.user_id)
        .where(team_members.c.team_id.in_([group.id for group in groups]), team_members.c.org_id == org_id)
        .order_by(scim_users.c.user_name)
    )
    members: dict[str, list[GroupMember]] = defaultdict(list)
    for row in connection.execute(query):
        members[row.team_id].append(GroupMember(row.id, row.name))
    return [replace(group, members=tuple(members[group.id])) for group in groups]


def is_taken(tx: Connection, org_id: str, display_name: str) -> bool:
    """Return whether an organization's directory has a group of that name."""
    query = select(scim_groups.c.team_id).where(scim_groups.c.org_id == org_id, scim_groups.c.display_name == display_name)
    return tx.scalar(query) is not None


def create(tx: Connection, org_id: str, team_id: str, profile: GroupProfile, now_millis: int) -> None:
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


def update_group(tx: Connection, group: Group, now_millis: int) -> None:
    """Update a group's names and its version; IntegrityError when another group has the name."""
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


def delete_group(tx: Connection, group_id: str) -> None:
    """Delete a group; its team is deleted by the area of teams."""
    tx.execute(delete(scim_groups).where(scim_groups.c.team_id == group_id))


def _has_member(condition: Condition) -> Any:  # noqa: ANN401 - an expression
    """Return whether a user is a member; Entra ID asks this before it adds or removes a member."""
    if condition.operator is not Operator.EQUAL or not isinstance(condition.value, str):
        raise InvalidRequest(ScimType.INVALID_FILTER, 'members can only be compared as in members eq "<id>"')
    return exists().where(
        team_members.c.team_id == scim_groups.c.team_id,
        team_members.c.user_id == scim_users.c.user_id,
        scim_users.c.org_id == scim_groups.c.org_id,
        scim_users.c.id == condition.value,
    )
