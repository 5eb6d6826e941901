"""Steps that find what another member of an organization may do, by the rows that their own requests are decided by."""

from datetime import datetime

from sqlalchemy import Connection

from common.access.repository import member_rights
from common.access.repository.member_rights import MemberRights, NamedGrant, NamedMember, NamedRole, UserQuery
from common.core.clock import unix_millis

__all__ = ["MemberRights", "NamedGrant", "NamedMember", "NamedRole", "UserQuery", "find", "find_grants", "list_named"]


def find(connection: Connection, org_id: str, login: str, now: datetime) -> MemberRights | None:
    """Return the rights of a member by login, suspended or not, or None."""
    # No permission check in this module: the use case made it.
    return member_rights.find(connection, org_id, login, unix_millis(now))


def list_named(connection: Connection, org_id: str, query: UserQuery, now: datetime) -> list[NamedMember]:
    """Return the members that the rows of a query name by `user_id`, suspended or not, each with the row."""
    return member_rights.list_named(connection, org_id, query, unix_millis(now))


def find_grants(connection: Connection, stack_id: str, rights: MemberRights) -> list[NamedGrant]:
    """Return the grants of a member and of their teams on a stack."""
    return member_rights.find_grants(connection, stack_id, rights)
