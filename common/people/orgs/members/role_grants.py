"""Which roles a caller may give to members and to those who are invited: nobody gives more than they hold."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection

from common.core.errors import BadRequest, Forbidden
from common.core.ids import is_id
from common.people.orgs.model import ASSIGNABLE_ROLES, MemberRole, RequestedRole
from common.people.orgs.repository import members
from common.people.orgs.steps import get_settings
from common.rights import built_in
from common.rights.descriptor import all_permissions
from common.rights.membership import Membership
from common.rights.permissions import Role
from common.rights.rules import parse


def resolve_roles(tx: Connection, membership: Membership, wanted: Collection[RequestedRole]) -> dict[RequestedRole, MemberRole]:
    """Return for each role that is asked for what it is; BadRequest for one that is none, Forbidden for more than one holds.

    The caller's use case holds the organization's lock, so that no role is deleted while it is given.
    """
    ids = {one.role_id for one in wanted if one.role_id is not None and is_id(one.role_id)} - built_in.BY_ID.keys()
    rules = members.find_role_rules(tx, membership.org_id, ids) if ids else {}
    return {one: _settled(membership, one, rules) for one in wanted}


def role_of_new_member(tx: Connection, org_id: str, given: MemberRole) -> MemberRole:
    """Return what somebody who joins gets: the organization's default role in place of the built-in Member role."""
    if given != MemberRole(Role.MEMBER):
        return given
    default_id = get_settings(tx, org_id).default_role_id
    is_custom = default_id and default_id not in built_in.BY_ID
    return MemberRole(Role.MEMBER, default_id) if is_custom else given


def _settled(membership: Membership, wanted: RequestedRole, rules: Mapping[str, str]) -> MemberRole:
    if wanted.role_id is None:
        found = next((known for known in ASSIGNABLE_ROLES if known == wanted.role), None)
        if found is None:
            msg = f"the role must be one of {', '.join(ASSIGNABLE_ROLES)}, not {(wanted.role or '')[:80]!a}"
            raise BadRequest(msg)
        return _built_in(membership, found)
    role = built_in.role_of(wanted.role_id)
    if role is not None:
        return _built_in(membership, role)
    if wanted.role_id not in rules:
        msg = f"the organization has no role {wanted.role_id[:80]!a}"
        raise BadRequest(msg)
    membership.require_permissions(all_permissions(parse(rules[wanted.role_id])))
    return MemberRole(Role.MEMBER, wanted.role_id)


def _built_in(membership: Membership, role: Role) -> MemberRole:
    if role is Role.ADMIN and not membership.is_admin:
        msg = f"only an admin of organization {membership.login} may make somebody an admin"
        raise Forbidden(msg)
    return MemberRole(role)
