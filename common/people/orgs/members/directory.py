"""Steps by which an organization's directory (SCIM) decides who is a member. Its use cases hold the organization's lock."""

from datetime import datetime

from sqlalchemy import Connection

from common.core.errors import Conflict
from common.people.orgs.members import steps as members
from common.people.orgs.model import MemberRole
from common.people.orgs.repository import directory_members
from common.people.orgs.repository import members as member_rows
from common.rights.permissions import Role


def add_or_reactivate(tx: Connection, org_id: str, user_id: str, now: datetime) -> None:
    """Add a user with the default role, or lift the suspension of a member."""
    # No permission check in this module: the directory's token was checked.
    state = directory_members.find(tx, org_id, user_id)
    if state is None:
        members.add(tx, org_id, user_id, MemberRole(Role.MEMBER), now, refusal="this user is a member already")
    elif state.suspended:
        directory_members.set_suspended(tx, org_id, user_id, suspended=False)


def suspend(tx: Connection, org_id: str, user_id: str) -> None:
    """Suspend a member, who keeps their role and teams; Conflict for the last admin."""
    if _has_active_membership(tx, org_id, user_id):
        directory_members.set_suspended(tx, org_id, user_id, suspended=True)


def remove(tx: Connection, org_id: str, user_id: str) -> None:
    """Delete a membership; Conflict for the last admin. `delete_member_access` of teams deletes what the member was given."""
    _has_active_membership(tx, org_id, user_id)
    member_rows.remove(tx, org_id, user_id)


def belongs_elsewhere(tx: Connection, org_id: str, user_id: str) -> bool:
    """Tell whether a user may use another shared organization."""
    return directory_members.belongs_elsewhere(tx, org_id, user_id)


def _has_active_membership(tx: Connection, org_id: str, user_id: str) -> bool:
    """Tell whether a user is a member who is not suspended; Conflict for the last admin."""
    state = directory_members.find(tx, org_id, user_id)
    if state is None or state.suspended:
        return False
    if state.is_admin and not member_rows.has_other_admin(tx, org_id, user_id):
        raise Conflict("this user is the last admin of the organization; make another member an admin there first")
    return True
