"""Somebody's leaving an organization: with the membership goes all that was given to them there."""

from sqlalchemy import Connection

from common import activity
from common.access import grants
from common.access.caller import Caller
from common.access.permissions import Permission
from common.activity import Event
from common.backend import Backend
from common.orgs import members
from common.teams import repository_leaving
from common.users import service as users


def remove_member(backend: Backend, caller: Caller, org: str, login: str) -> None:
    """End somebody's membership, with their places in teams, their grants on stacks and their choice of this organization.

    Raises NotFound for no member, BadRequest for the caller and for the last admin. The stacks that they made stay.
    """
    membership = members.require_shared(caller, Permission.ORG_MEMBER_DELETE, org)

    def remove(tx: Connection) -> None:
        clear(tx, membership.org_id, members.take_out(tx, caller, membership, login))
        activity.record(tx, backend, caller, membership.org_id, Event.MEMBER_REMOVED, description=f"Removed {login}")

    members.in_turn(backend, membership.org_id, remove)


def clear(tx: Connection, org_id: str, user_id: str) -> None:
    """Take away all that was given to somebody in an organization which they have left: a step."""
    # No permission check: the use case made it.
    repository_leaving.remove_from_teams(tx, org_id, user_id)
    grants.take_all_in_org(tx, user_id, org_id)
    users.forget_default_organization(tx, user_id, org_id)
