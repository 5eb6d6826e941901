"""Use case that answers whether a member may do something, and why.

The answer is the one that the member's own request would get: the permissions are those of common/rights/membership.py, which
also says where each of them comes from.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from common.access import member_rights
from common.access.member_rights import MemberRights, NamedGrant, NamedRole
from common.backend import Backend
from common.core.errors import NotFound
from common.rights.caller import Caller, missing_org
from common.rights.membership import Source, SourceKind
from common.rights.permissions import Permission
from common.stacks.model import StackPath
from common.stacks.steps import load_stack


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a member may do something, and the reasons in words: what allows it, or what the member has instead."""

    login: str
    permission: Permission
    path: StackPath | None
    is_allowed: bool
    reasons: list[str]


def explain(
    backend: Backend,
    caller: Caller,
    org: str,
    login: str,
    permission: Permission,
    *,
    path: StackPath | None,
) -> Answer:
    """Return whether a member has a permission on a stack, or in the organization itself without one, and why.

    Raises NotFound for a user who is not a member, and for a stack that does not exist or is hidden from the caller.
    """
    membership = caller.require(Permission.ROLE_READ, org, missing=missing_org(org))
    caller.require(Permission.ORG_MEMBER_READ, org, missing=missing_org(org))
    with backend.db.connect() as connection:
        rights = member_rights.find(connection, membership.org_id, login, backend.clock.now())
        if rights is None:
            raise NotFound(f"{login[:100]!a} is not a member of organization {org}")
        grants: list[NamedGrant] = []
        if path is None:
            sources = list(rights.membership.sources())
        else:
            stack = load_stack(connection, caller, path, Permission.STACK_ACCESS_READ)
            grants = member_rights.find_grants(connection, stack.id, rights)
            is_creator = stack.created_by == rights.user_id
            held = [named.grant for named in grants]
            sources = list(rights.membership.sources_on_stack(stack.entity, held, is_creator=is_creator))
    if rights.suspended:
        return Answer(login, permission, path, is_allowed=False, reasons=[f"{login} is suspended"])
    allowing = [source for source in sources if permission in source.permissions]
    # Two teams with the same grant are two sources, each of which fits both teams.
    reasons = list(dict.fromkeys(text for source in allowing for text in _describe(source, rights, grants)))
    return Answer(login, permission, path, bool(allowing), reasons or _missing(rights, grants, permission))


def _describe(source: Source, rights: MemberRights, grants: Sequence[NamedGrant]) -> list[str]:
    membership = rights.membership
    match source.kind:
        case SourceKind.ADMIN:
            return [f"{rights.login} is an admin of {membership.login}, and admins may do everything"]
        case SourceKind.BUILT_IN_ROLE:
            return [f"the built-in role {_role(rights)}, with the settings of {membership.login}, allows it"]
        case SourceKind.SETTINGS:
            return [f"the settings of {membership.login} give members {_level(rights)} on every stack"]
        case SourceKind.CREATOR:
            return [f"{rights.login} owns the stack"]
        case SourceKind.CUSTOM_ROLE:
            return [f"{_named(role)} allows it" for role in rights.roles if role.rules == source.rules]
        case SourceKind.GRANT:
            return [_granted(named, rights) for named in grants if named.grant == source.grant]


def _missing(rights: MemberRights, grants: Sequence[NamedGrant], permission: Permission) -> list[str]:
    """Return why a member may not do something: what they have, none of which allows it."""
    membership = rights.membership
    texts = [f"nothing gives {rights.login} the permission {permission}"]
    if permission in membership.withheld_permissions():
        texts.append(f"the settings of {membership.login} withhold it from members")
    if membership.custom_role_id is None:
        texts.append(f"{rights.login} has the built-in role {_role(rights)}")
        texts.append(f"the settings of {membership.login} give members {_level(rights)} on every stack")
    texts += [f"{rights.login} has {_named(role)}, which does not allow it here" for role in rights.roles]
    return [*texts, *(_granted(named, rights) for named in grants)]


def _role(rights: MemberRights) -> str:
    return rights.membership.role.replace("-", " ")


def _level(rights: MemberRights) -> str:
    return rights.membership.settings.default_stack_permission.name.lower()


def _named(role: NamedRole) -> str:
    return f"role {role.name} of team {role.team}" if role.team else f"role {role.name}"


def _granted(named: NamedGrant, rights: MemberRights) -> str:
    owner = f"team {named.team}, which {rights.login} belongs to," if named.team else rights.login
    return f"{owner} was given {named.set_name or named.grant.level.name.lower()} on the stack"
