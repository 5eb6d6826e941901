"""Steps that find what another member of an organization may do, by the rows that their own requests are decided by."""

from datetime import datetime

from sqlalchemy import Connection

from common.access.repository import member_rights
from common.access.repository.member_rights import MemberRights, NamedGrant, NamedRole
from common.core.clock import unix_millis

__all__ = ["MemberRights", "NamedGrant", "NamedRole", "find", "find_grants"]


def find(connection: Connection, org_id: str, login: str, now: datetime) -> MemberRights | None:
    """Return the rights of a member by login, suspended or not, or None."""
    # No permission check in this module: the use case made it.
    return member_rights.find(connection, org_id, login, unix_millis(now))


def find_grants(connection: Connection, stack_id: str, rights: MemberRights) -> list[NamedGrant]:
    """Return the grants of a member and of their teams on a stack."""
    return member_rights.find_grants(connection, stack_id, rights)
