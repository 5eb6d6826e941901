"""Steps by which an organization's directory decides who belongs to it. Its use cases hold the organization's lock."""

from datetime import datetime

from sqlalchemy import Connection

from common.core.errors import Conflict
from common.people.orgs.members import steps as members
from common.people.orgs.model import MemberRole
from common.people.orgs.repository import directory_members
from common.people.orgs.repository import members as member_rows
from common.rights.permissions import Role


def add_or_reactivate(tx: Connection, org_id: str, user_id: str, now: datetime) -> None:
    """Make somebody a member with the role that newcomers get, or let a suspended one in again."""
    # No permission check in this module: the directory's token was checked.
    place = directory_members.find(tx, org_id, user_id)
    if place is None:
        members.add(tx, org_id, user_id, MemberRole(Role.MEMBER), now, refusal="this user is a member already")
    elif place.suspended:
        directory_members.set_suspended(tx, org_id, user_id, suspended=False)


def suspend(tx: Connection, org_id: str, user_id: str) -> None:
    """Keep a member out, with the role and teams that they have; Conflict for the last admin."""
    if _may_end(tx, org_id, user_id):
        directory_members.set_suspended(tx, org_id, user_id, suspended=True)


def remove(tx: Connection, org_id: str, user_id: str) -> None:
    """End a membership; Conflict for the last admin. What hangs on it is deleted by `clear_member` of teams."""
    _may_end(tx, org_id, user_id)
    member_rows.remove(tx, org_id, user_id)


def belongs_elsewhere(tx: Connection, org_id: str, user_id: str) -> bool:
    """Tell whether somebody may come into a shared organization beside this one."""
    return directory_members.belongs_elsewhere(tx, org_id, user_id)


def _may_end(tx: Connection, org_id: str, user_id: str) -> bool:
    """Tell whether there is a membership to end; Conflict for the last admin's."""
    place = directory_members.find(tx, org_id, user_id)
    if place is None or place.suspended:
        return False
    if place.is_admin and not member_rows.has_other_admin(tx, org_id, user_id):
        msg = "this user is the last admin of the organization; make somebody else an admin there first"
        raise Conflict(msg)
    return True
