"""Rows of invitations."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, func, insert, or_, select, update
from sqlalchemy import delete as delete_from

from common.db.tables.people import invites, members, organizations, users
from common.db.text import contains
from common.people.orgs.model import Invite, InviteFilter, MemberRole
from common.people.users.model import Person
from common.rights.permissions import Role

_INVITES: Select[Any] = (
    select(
        invites.c.id,
        invites.c.org_id,
        invites.c.email,
        invites.c.role,
        invites.c.role_id,
        invites.c.sent_by,
        invites.c.sent_at,
        invites.c.expires_at,
        users.c.login,
        users.c.name,
        users.c.email.label("sender_email"),
        users.c.avatar_url,
        organizations.c.login.label("org_login"),
        organizations.c.name.label("org_name"),
        organizations.c.avatar_url.label("org_avatar_url"),
    )
    .join(organizations, organizations.c.id == invites.c.org_id)
    .outerjoin(users, users.c.id == invites.c.sent_by)
    .order_by(invites.c.sent_at, invites.c.id)
)


def find(connection: Connection, invite_id: str) -> Invite | None:
    """Return an invitation of any organization, or None."""
    row = connection.execute(_INVITES.where(invites.c.id == invite_id)).one_or_none()
    return _to_invite(row) if row is not None else None


def find_all(connection: Connection, org_id: str) -> list[Invite]:
    """Return an organization's invitations, expired ones too, oldest first."""
    return [_to_invite(row) for row in connection.execute(_INVITES.where(invites.c.org_id == org_id))]


def search(
    connection: Connection,
    org_id: str,
    narrowed: InviteFilter,
    *,
    links_of: str | None,
    now_millis: int,
    limit: int,
    offset: int,
) -> list[Invite]:
    """Return some of the invitations that a filter finds, oldest first; only links that `links_of` sent, unless it is None."""
    query = _INVITES.where(*_conditions(org_id, narrowed, links_of, now_millis)).limit(limit).offset(offset)
    return [_to_invite(row) for row in connection.execute(query)]


def count_found(connection: Connection, org_id: str, narrowed: InviteFilter, *, links_of: str | None, now_millis: int) -> int:
    """Return how many invitations a filter finds."""
    query = select(func.count()).select_from(invites).outerjoin(users, users.c.id == invites.c.sent_by)
    return connection.scalar(query.where(*_conditions(org_id, narrowed, links_of, now_millis))) or 0


def find_for(connection: Connection, email: str, now_millis: int, limit: int) -> list[Invite]:
    """Return the open invitations to an address, oldest first."""
    query = _INVITES.where(invites.c.email == email, invites.c.expires_at > now_millis).limit(limit)
    return [_to_invite(row) for row in connection.execute(query)]


def find_taken(tx: Connection, org_id: str, emails: Collection[str], now_millis: int) -> set[str]:
    """Return the addresses among `emails` (in lower case) that a member or an open invitation of the organization has."""
    addresses: Any = bindparam("emails", sorted(emails), expanding=True)
    address = func.lower(users.c.email)
    of_members = select(address).join(members, members.c.user_id == users.c.id).where(members.c.org_id == org_id)
    of_invites = select(invites.c.email).where(invites.c.org_id == org_id, invites.c.expires_at > now_millis)
    return set(tx.scalars(of_members.where(address.in_(addresses)).union(of_invites.where(invites.c.email.in_(addresses)))))


def count(tx: Connection, org_id: str) -> int:
    """Return how many invitations an organization has."""
    return tx.scalar(select(func.count()).where(invites.c.org_id == org_id)) or 0


def add(tx: Connection, new_invites: Sequence[Invite]) -> None:
    """Insert invitations."""
    rows = [
        {
            "id": invite.id,
            "org_id": invite.org_id,
            "email": invite.email,
            "role": invite.role.built_in,
            "role_id": invite.role.custom_id,
            "sent_by": invite.sent_by.id,
            "sent_at": invite.sent_at,
            "expires_at": invite.expires_at,
        }
        for invite in new_invites
    ]
    tx.execute(insert(invites), rows)


def delete_expired(tx: Connection, org_id: str, emails: Collection[str], now_millis: int, *, older_than: int) -> None:
    """Delete expired invitations to these addresses, and all that expired before `older_than` (unix milliseconds)."""
    is_replaced = and_(
        invites.c.expires_at <= now_millis, invites.c.email.in_(bindparam("emails", sorted(emails), expanding=True))
    )
    tx.execute(delete_from(invites).where(invites.c.org_id == org_id, or_(invites.c.expires_at < older_than, is_replaced)))


def renew(connection: Connection, org_id: str, invite_id: str, *, sent_at: int, expires_at: int) -> bool:
    """Store that an invitation was sent again; False when it no longer exists."""
    change = update(invites).values(sent_at=sent_at, expires_at=expires_at)
    return connection.execute(change.where(*_is_invite(org_id, invite_id))).rowcount == 1


def delete(connection: Connection, org_id: str, invite_id: str) -> bool:
    """Delete an invitation; False when it no longer exists."""
    return connection.execute(delete_from(invites).where(*_is_invite(org_id, invite_id))).rowcount == 1


def _conditions(org_id: str, narrowed: InviteFilter, links_of: str | None, now_millis: int) -> list[ColumnElement[bool]]:
    conditions = [invites.c.org_id == org_id]
    if links_of is not None:
        conditions.append(or_(invites.c.email != "", invites.c.sent_by == links_of))
    if narrowed.text:
        conditions.append(or_(contains(invites.c.email, narrowed.text), contains(users.c.login, narrowed.text)))
    if narrowed.expired is not None:
        is_expired = invites.c.expires_at <= now_millis
        conditions.append(is_expired if narrowed.expired else invites.c.expires_at > now_millis)
    return conditions


def _is_invite(org_id: str, invite_id: str) -> tuple[ColumnElement[bool], ...]:
    return (invites.c.org_id == org_id, invites.c.id == invite_id)


def _to_invite(row: Row[Any]) -> Invite:
    return Invite(
        id=row.id,
        org_id=row.org_id,
        email=row.email,
        role=MemberRole(Role(row.role), row.role_id),
        sent_by=Person(row.sent_by, row.login or "", row.name or "", row.sender_email or "", row.avatar_url or ""),
        sent_at=row.sent_at,
        expires_at=row.expires_at,
        org_login=row.org_login,
        org_name=row.org_name,
        org_avatar_url=row.org_avatar_url,
    )
