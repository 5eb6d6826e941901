"""Rows of members as an organization's directory changes them."""

from dataclasses import dataclass

from sqlalchemy import Connection, exists, select, update

from common.db.tables.people import members, organizations
from common.db.tables.sign_in import scim_tokens, scim_users
from common.rights.permissions import Role


@dataclass(frozen=True, slots=True)
class MemberState:
    """Whether a member is an admin, and whether they are suspended."""

    is_admin: bool
    suspended: bool


def find(tx: Connection, org_id: str, user_id: str) -> MemberState | None:
    """Return the state of a member, or None."""
    query = select(members.c.role, members.c.role_id, members.c.suspended)
    row = tx.execute(query.where(members.c.org_id == org_id, members.c.user_id == user_id)).one_or_none()
    return MemberState(row.role == Role.ADMIN and row.role_id is None, bool(row.suspended)) if row is not None else None


def set_suspended(tx: Connection, org_id: str, user_id: str, *, suspended: bool) -> None:
    """Suspend a member or lift the suspension, and forget their last sign-in through the provider."""
    is_member = (members.c.org_id == org_id, members.c.user_id == user_id)
    tx.execute(update(members).values(suspended=suspended, saml_at=None).where(*is_member))


def is_provisioned(tx: Connection, org_id: str, user_id: str) -> bool:
    """Tell whether an organization's directory, which may call this server, has provisioned a user."""
    has_user = exists().where(scim_users.c.org_id == org_id, scim_users.c.user_id == user_id)
    has_directory = exists().where(scim_tokens.c.org_id == org_id)
    return bool(tx.scalar(select(has_user & has_directory)))


def belongs_elsewhere(tx: Connection, org_id: str, user_id: str, *, with_suspended: bool = False) -> bool:
    """Tell whether a user is a member of another shared organization; suspended members count with `with_suspended`."""
    other = exists().where(
        members.c.user_id == user_id,
        members.c.org_id != org_id,
        organizations.c.id == members.c.org_id,
        organizations.c.personal_user_id.is_(None),
        *(() if with_suspended else (members.c.suspended.is_(False),)),
    )
    return bool(tx.scalar(select(other)))
