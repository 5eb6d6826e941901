"""Rows of the people of directories, with whether they may come in, and who a person in a request is."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, case, delete, func, insert, select, update

from common.db.tables.people import members, users
from common.db.tables.sign_in import scim_users
from common.sign_in.scim.model import Profile, User
from common.sign_in.scim.query import Asked, Page
from common.sign_in.scim.repository.filters import total_of, where

# Somebody whom an admin removed is no member any more, whatever the directory said before.
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
    """Return a person by their id in the directory, or None."""
    row = connection.execute(_USERS.where(scim_users.c.org_id == org_id, scim_users.c.id == scim_id)).one_or_none()
    return _to_user(row) if row is not None else None


def page(connection: Connection, org_id: str, asked: Asked) -> Page[User]:
    """Return a page of an organization's people by user name, and how many there are; one statement where that tells."""
    chosen = (scim_users.c.org_id == org_id, *where(asked.conditions, _COLUMNS))
    query = _USERS.where(*chosen).order_by(scim_users.c.user_name).offset(asked.start - 1).limit(asked.count)
    found = [_to_user(row) for row in connection.execute(query)] if asked.count else []
    total = total_of(asked, len(found))
    if total is None:
        total = connection.scalar(select(func.count()).select_from(_FROM).where(*chosen)) or 0
    return Page(total, asked.start, found)


def is_taken(tx: Connection, org_id: str, key: str) -> bool:
    """Tell whether an organization's directory has a person of that user name, in lower case."""
    query = select(scim_users.c.id).where(scim_users.c.org_id == org_id, scim_users.c.user_name == key)
    return tx.scalar(query) is not None


def find_members(tx: Connection, org_id: str, addresses: Collection[str]) -> list[str]:
    """Return the first two members, no machines, whose own address is one of these and whom the directory does not have."""
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
    """Tell whether the directory has a person who is this user."""
    return tx.scalar(select(scim_users.c.id).where(scim_users.c.org_id == org_id, scim_users.c.user_id == user_id)) is not None


def is_site_admin(tx: Connection, user_id: str) -> bool:
    """Tell whether somebody administers the whole installation, which no organization's directory decides about."""
    return bool(tx.scalar(select(users.c.site_admin).where(users.c.id == user_id)))


def add(tx: Connection, org_id: str, scim_id: str, user_id: str, profile: Profile, *, active: bool, now_millis: int) -> None:
    """Insert a person; IntegrityError when the user name or the user is taken in the organization."""
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


def put(tx: Connection, scim_id: str, profile: Profile, *, active: bool, now_millis: int) -> None:
    """Store what a directory says of a person now; IntegrityError when the user name is another one's."""
    tx.execute(
        update(scim_users)
        .values(**_values(profile), active=active, version=scim_users.c.version + 1, modified_at=now_millis)
        .where(scim_users.c.id == scim_id),
    )


def remove(tx: Connection, scim_id: str) -> None:
    """Delete a person."""
    tx.execute(delete(scim_users).where(scim_users.c.id == scim_id))


def find_user_ids(tx: Connection, org_id: str, scim_ids: Collection[str]) -> dict[str, str]:
    """Return the users of some people of a directory, by the people's ids; those that are not there are left out."""
    query = select(scim_users.c.id, scim_users.c.user_id).where(scim_users.c.org_id == org_id, scim_users.c.id.in_(scim_ids))
    return {row.id: row.user_id for row in tx.execute(query)}


def _values(profile: Profile) -> dict[str, Any]:
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
