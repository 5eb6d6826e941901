"""An organization as a list of what the caller may see in it."""

from common.backend import Backend
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership
from common.stacks.repository import organization
from common.stacks.repository.organization import Summary
from common.stacks.service import LISTABLE

__all__ = ["Summary", "get_organization"]


def get_organization(backend: Backend, caller: Caller, org: str) -> tuple[Membership, list[Summary]]:
    """Return the caller's place in an organization, and the stacks that they may see there, by project and name."""
    membership = caller.require_member(org, missing=missing_org(org))
    with backend.db.connect() as connection:
        return membership, organization.find_all(connection, caller.stack_scope(membership, LISTABLE))
