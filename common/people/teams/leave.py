"""Somebody's leaving an organization: with the membership goes all that was given to them there."""

from sqlalchemy import Connection

from common.access import grants
from common.audit import steps
from common.audit.steps import Event
from common.backend import Backend
from common.people.orgs import member_steps as members
from common.people.teams.repository import leave
from common.people.users import steps as users
from common.rights.caller import Caller
from common.rights.permissions import Permission


def remove_member(backend: Backend, caller: Caller, org: str, login: str) -> None:
    """End somebody's membership, with their places in teams, their grants on stacks and their choice of this organization.

    Raises NotFound for no member, BadRequest for the caller and for the last admin. The stacks that they made stay.
    """
    membership = members.require_shared(caller, Permission.ORG_MEMBER_DELETE, org)

    def remove(tx: Connection) -> None:
        clear(tx, membership.org_id, members.take_out(tx, caller, membership, login))
        steps.record(tx, backend, caller, membership.org_id, Event.MEMBER_REMOVED, description=f"Removed {login}")

    members.in_turn(backend, membership.org_id, remove)


def clear(tx: Connection, org_id: str, user_id: str) -> None:
    """Take away all that was given to somebody in an organization which they have left: a step."""
    # No permission check: the use case made it.
    leave.remove_from_teams(tx, org_id, user_id)
    grants.take_all_in_org(tx, user_id, org_id)
    users.forget_default_organization(tx, user_id, org_id)
