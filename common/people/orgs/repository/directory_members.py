"""Rows of members as an organization's directory changes them."""

from dataclasses import dataclass

from sqlalchemy import Connection, exists, select, update

from common.db.tables.people import members, organizations
from common.rights.permissions import Role


@dataclass(frozen=True, slots=True)
class MemberState:
    """What a member is: whether they may do everything, and whether they may not come in."""

    is_admin: bool
    suspended: bool


def find(tx: Connection, org_id: str, user_id: str) -> MemberState | None:
    """Return somebody's place in an organization, or None."""
    query = select(members.c.role, members.c.role_id, members.c.suspended)
    row = tx.execute(query.where(members.c.org_id == org_id, members.c.user_id == user_id)).one_or_none()
    return MemberState(row.role == Role.ADMIN and row.role_id is None, bool(row.suspended)) if row is not None else None


def set_suspended(tx: Connection, org_id: str, user_id: str, *, suspended: bool) -> None:
    """Keep a member out, or let them in again; either way the last sign-in through the provider counts no longer."""
    is_it = (members.c.org_id == org_id, members.c.user_id == user_id)
    tx.execute(update(members).values(suspended=suspended, saml_at=None).where(*is_it))


def belongs_elsewhere(tx: Connection, org_id: str, user_id: str, *, suspended_too: bool = False) -> bool:
    """Tell whether somebody may come into a shared organization beside this one, or might again if they are suspended there."""
    other = exists().where(
        members.c.user_id == user_id,
        members.c.org_id != org_id,
        organizations.c.id == members.c.org_id,
        organizations.c.personal_user_id.is_(None),
        *(() if suspended_too else (members.c.suspended.is_(False),)),
    )
    return bool(tx.scalar(select(other)))
