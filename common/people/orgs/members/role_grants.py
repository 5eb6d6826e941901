"""Which roles a caller may give to members and invited people: only roles with permissions that the caller has."""

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


def resolve_roles(
    tx: Connection, membership: Membership, requested: Collection[RequestedRole]
) -> dict[RequestedRole, MemberRole]:
    """Return the member role for each requested role.

    Raises BadRequest for an unknown role, and Forbidden for a role with more permissions than the caller has. The use case
    holds the organization's lock, so that a role is not deleted while it is given to a member.
    """
    ids = {role.id for role in requested if role.id is not None and is_id(role.id)} - built_in.BY_ID.keys()
    rules = members.find_role_rules(tx, membership.org_id, ids) if ids else {}
    return {role: _resolve(membership, role, rules) for role in requested}


def role_of_new_member(tx: Connection, org_id: str, role: MemberRole) -> MemberRole:
    """Return the role that a new member gets: the organization's default role in place of the built-in Member role."""
    if role != MemberRole(Role.MEMBER):
        return role
    default_id = get_settings(tx, org_id).default_role_id
    is_custom = default_id and default_id not in built_in.BY_ID
    return MemberRole(Role.MEMBER, default_id) if is_custom else role


def _resolve(membership: Membership, requested: RequestedRole, rules: Mapping[str, str]) -> MemberRole:
    if requested.id is None:
        if requested.name not in ASSIGNABLE_ROLES:
            raise BadRequest(f"the role must be one of {', '.join(ASSIGNABLE_ROLES)}, not {(requested.name or '')[:80]!a}")
        return _resolve_built_in(membership, Role(requested.name))
    role = built_in.role_of(requested.id)
    if role is not None:
        return _resolve_built_in(membership, role)
    if requested.id not in rules:
        raise BadRequest(f"the organization has no role {requested.id[:80]!a}")
    membership.require_permissions(all_permissions(parse(rules[requested.id])))
    return MemberRole(Role.MEMBER, requested.id)


def _resolve_built_in(membership: Membership, role: Role) -> MemberRole:
    if role is Role.ADMIN and not membership.is_admin:
        raise Forbidden(f"only an admin of organization {membership.login} may make another user an admin")
    return MemberRole(role)
