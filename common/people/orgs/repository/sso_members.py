"""Rows of members who sign in through the organization's own identity provider."""

from typing import Any

from sqlalchemy import Connection, Row, Select, exists, or_, select, update

from common.db.tables.people import invites, members, users
from common.db.tables.sign_in import identities, scim_users
from common.people.orgs.model import Member, MemberRole
from common.people.orgs.repository import invites as invite_rows
from common.people.orgs.repository import members as member_rows
from common.rights.permissions import Role


def find(tx: Connection, org_id: str, user_id: str) -> Row[Any] | None:
    """Return the row of a member, or None."""
    query: Select[Any] = select(members.c.user_id, users.c.login, members.c.suspended, members.c.saml_at)
    query = query.join(users, users.c.id == members.c.user_id)
    return tx.execute(query.where(members.c.org_id == org_id, members.c.user_id == user_id)).one_or_none()


def find_by_address(tx: Connection, org_id: str, provider: str, names: tuple[str, ...]) -> list[str]:
    """Return the first two members, by id, with an email address or a SCIM user name among `names`."""
    has_account = exists().where(identities.c.user_id == users.c.id, identities.c.provider == provider)
    has_scim_name = exists().where(
        scim_users.c.user_id == users.c.id,
        scim_users.c.org_id == org_id,
        or_(scim_users.c.user_name.in_(names), scim_users.c.email.in_(names)),
    )
    query = (
        select(users.c.id)
        .join(members, members.c.user_id == users.c.id)
        .where(
            members.c.org_id == org_id,
            or_(users.c.email.in_(names), has_scim_name),
            users.c.is_machine.is_(False),
            users.c.site_admin.is_(False),
            ~has_account,
        )
    )
    return list(tx.scalars(query.order_by(users.c.id).limit(2)))


def has_user(tx: Connection, email: str) -> bool:
    """Tell whether a user has an address."""
    return bool(tx.scalar(select(exists().where(users.c.email == email))))


def use_invite(tx: Connection, org_id: str, email: str, now_millis: int) -> MemberRole | None:
    """Delete an open invitation to an address and return its role, or None without one."""
    is_open = (invites.c.org_id == org_id, invites.c.email == email, invites.c.expires_at > now_millis)
    query = select(invites.c.id, invites.c.role, invites.c.role_id).where(*is_open).order_by(invites.c.sent_at).limit(1)
    row = tx.execute(query).one_or_none()
    if row is None or not invite_rows.delete(tx, org_id, row.id):
        return None
    return MemberRole(Role(row.role), row.role_id)


def record_sign_in(tx: Connection, org_id: str, user_id: str, now_millis: int) -> bool:
    """Store when a member signed in; False for a suspended member or another user."""
    is_active = (members.c.org_id == org_id, members.c.user_id == user_id, members.c.suspended.is_(False))
    return tx.execute(update(members).values(saml_at=now_millis).where(*is_active)).rowcount == 1


def has_sign_in_since(tx: Connection, org_id: str, millis: int) -> bool:
    """Tell whether a member signed in since a moment."""
    query = select(exists().where(members.c.org_id == org_id, members.c.suspended.is_(False), members.c.saml_at >= millis))
    return bool(tx.scalar(query))


def find_member(tx: Connection, org_id: str, *, login: str, user_id: str) -> Member | None:
    """Return a member by login, or by id without one."""
    if not login:
        login = tx.scalar(select(users.c.login).where(users.c.id == user_id)) or ""
    return member_rows.find(tx, org_id, login)
