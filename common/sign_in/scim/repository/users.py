"""Rows of the users of directories."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, case, delete, func, insert, select, update

from common.db.tables.people import members, users
from common.db.tables.sign_in import scim_users
from common.sign_in.scim.model import User, UserProfile
from common.sign_in.scim.query import ListQuery, Page
from common.sign_in.scim.repository.filters import total_of, where

# A user whom an admin removed is not a member any more, even if the directory has them as active.
_IS_ACTIVE = and_(scim_users.c.active.is_(True), func.coalesce(members.c.suspended, True).is_(False))
_COLUMNS = {
    "id": (scim_users.c.id, True),
    "username": (scim_users.c.user_name, True),
    "externalid": (scim_users.c.external_id, False),
    "emails": (scim_users.c.email, True),
    "emails.value": (scim_users.c.email, True),
    "active": (_IS_ACTIVE, False),
}
_FROM = scim_users.outerjoin(
    members,
    and_(members.c.org_id == scim_users.c.org_id, members.c.user_id == scim_users.c.user_id),
)
_USERS: Select[Any] = select(
    scim_users.c.id,
    scim_users.c.user_id,
    scim_users.c.user_name,
    scim_users.c.external_id,
    case((_IS_ACTIVE, 1), else_=0).label("is_active"),
    scim_users.c.document,
    scim_users.c.version,
    scim_users.c.created_at,
    scim_users.c.modified_at,
).select_from(_FROM)


def find(connection: Connection, org_id: str, scim_id: str) -> User | None:
    """Return a user by their id in the directory, or None."""
    row = connection.execute(_USERS.where(scim_users.c.org_id == org_id, scim_users.c.id == scim_id)).one_or_none()
    return _to_user(row) if row is not None else None


def page(connection: Connection, org_id: str, query: ListQuery) -> Page[User]:
    """Return a page of an organization's users by user name, and their total number."""
    matches = (scim_users.c.org_id == org_id, *where(query.conditions, _COLUMNS))
    statement = _USERS.where(*matches).order_by(scim_users.c.user_name).offset(query.start - 1).limit(query.count)
    users_of_page = [_to_user(row) for row in connection.execute(statement)] if query.count else []
    total = total_of(query, len(users_of_page))
    if total is None:
        total = connection.scalar(select(func.count()).select_from(_FROM).where(*matches)) or 0
    return Page(total, query.start, users_of_page)


def is_taken(tx: Connection, org_id: str, key: str) -> bool:
    """Return whether an organization's directory has a user with that user name, in lower case."""
    query = select(scim_users.c.id).where(scim_users.c.org_id == org_id, scim_users.c.user_name == key)
    return tx.scalar(query) is not None


def find_unprovisioned_members(tx: Connection, org_id: str, addresses: Collection[str]) -> list[str]:
    """Return the ids of at most two members with one of these addresses; machines and the directory's users are left out."""
    query = (
        select(users.c.id)
        .join(members, members.c.user_id == users.c.id)
        .outerjoin(scim_users, and_(scim_users.c.org_id == members.c.org_id, scim_users.c.user_id == users.c.id))
        .where(
            members.c.org_id == org_id,
            users.c.email.in_(sorted(addresses)),
            users.c.is_machine.is_(False),
            scim_users.c.id.is_(None),
        )
        .order_by(users.c.id)
        .limit(2)
    )
    return list(tx.scalars(query))


def is_provisioned(tx: Connection, org_id: str, user_id: str) -> bool:
    """Return whether a user is one of the directory's."""
    return tx.scalar(select(scim_users.c.id).where(scim_users.c.org_id == org_id, scim_users.c.user_id == user_id)) is not None


def is_site_admin(tx: Connection, user_id: str) -> bool:
    """Return whether a user administers the whole installation."""
    return bool(tx.scalar(select(users.c.site_admin).where(users.c.id == user_id)))


def create(
    tx: Connection, org_id: str, scim_id: str, user_id: str, profile: UserProfile, *, active: bool, now_millis: int
) -> None:
    """Insert a user; IntegrityError when the organization has one with this user name or user id."""
    tx.execute(
        insert(scim_users).values(
            id=scim_id,
            org_id=org_id,
            user_id=user_id,
            **_values(profile),
            active=active,
            version=1,
            created_at=now_millis,
            modified_at=now_millis,
        ),
    )


def update_user(tx: Connection, scim_id: str, profile: UserProfile, *, active: bool, now_millis: int) -> None:
    """Update a user; IntegrityError when another user has the user name."""
    tx.execute(
        update(scim_users)
        .values(**_values(profile), active=active, version=scim_users.c.version + 1, modified_at=now_millis)
        .where(scim_users.c.id == scim_id),
    )


def delete_user(tx: Connection, scim_id: str) -> None:
    """Delete a user."""
    tx.execute(delete(scim_users).where(scim_users.c.id == scim_id))


def find_user_ids(tx: Connection, org_id: str, scim_ids: Collection[str]) -> dict[str, str]:
    """Return the user ids of users of a directory, by their ids in it; unknown ids are left out."""
    query = select(scim_users.c.id, scim_users.c.user_id).where(scim_users.c.org_id == org_id, scim_users.c.id.in_(scim_ids))
    return {row.id: row.user_id for row in tx.execute(query)}


def _values(profile: UserProfile) -> dict[str, Any]:
    return {
        "user_name": profile.key,
        "external_id": profile.external_id,
        "email": profile.email,
        "document": profile.document,
    }


def _to_user(row: Row[Any]) -> User:
    return User(
        row.id,
        row.user_id,
        row.user_name,
        row.external_id,
        bool(row.is_active),
        row.document,
        row.version,
        row.created_at,
        row.modified_at,
    )
