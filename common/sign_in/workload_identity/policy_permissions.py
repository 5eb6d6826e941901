"""The statements that a caller may write into a policy: only those for tokens that they could create themselves.

An admin may write every statement. Other callers who may change policies may allow tokens that they might create: plain ones
of the organization, ones with a role with no more permissions than they have, ones of teams if they may create tokens for them,
and their own. Statements that deny only take access away, so everyone who may change the policy may write them.
"""

from collections.abc import Iterable

from sqlalchemy import Connection

from common.core.errors import BadRequest, Forbidden
from common.people.teams import steps as teams
from common.rights import built_in
from common.rights.caller import Caller
from common.rights.descriptor import all_permissions
from common.rights.membership import Membership
from common.rights.permissions import Permission
from common.rights.rules import parse
from common.sign_in.workload_identity.language.patterns import is_literal
from common.sign_in.workload_identity.model import Decision, Level, Statement, TokenType
from common.sign_in.workload_identity.repository import refresh_tokens


def require_may_allow(tx: Connection, caller: Caller, membership: Membership, statements: Iterable[Statement]) -> None:
    """Raise Forbidden if a statement allows more than the caller may, BadRequest if its role does not exist: a step."""
    for statement in statements:
        if statement.decision is Decision.DENY:
            continue
        if statement.role_id:
            _require_role(tx, membership, statement.role_id)
        if not membership.is_admin:
            _require_own_rights(tx, caller, membership, statement)


def _require_role(tx: Connection, membership: Membership, role_id: str) -> None:
    if built_in.role_of(role_id) is not None:
        return
    rules = refresh_tokens.lock_role(tx, membership.org_id, role_id)
    if rules is None:
        raise BadRequest(f"Role {role_id!a} not found in organization {membership.login}")
    membership.require_permissions(all_permissions(parse(rules)))


def _require_own_rights(tx: Connection, caller: Caller, membership: Membership, statement: Statement) -> None:
    match statement.token_type:
        case TokenType.ORGANIZATION:
            if Level.ADMIN in statement.levels or statement.role_id == built_in.ADMIN.id:
                raise _only_admins(membership, "administrators")
            if Permission.ORG_TOKEN_CREATE not in membership.permissions():
                raise caller.refusal(Permission.ORG_TOKEN_CREATE, membership)
            if statement.role_id in ("", built_in.MEMBER.id):
                membership.require_as_member()
        case TokenType.TEAM:
            if not is_literal(statement.target):
                raise _only_admins(membership, "teams by a pattern")
            team = teams.lock(tx, caller, membership, statement.target, Permission.TEAM_CREATE_TOKEN)
            teams.require_no_escalation(tx, membership, team)
        case TokenType.PERSONAL:
            if not caller.is_themselves or statement.target != caller.login:
                raise _only_admins(membership, "tokens of other people")
        case TokenType.RUNNER:
            raise _only_admins(membership, "tokens of runners")


def _only_admins(membership: Membership, subject: str) -> Forbidden:
    return Forbidden(f"only an admin of organization {membership.login} may write a policy that gives {subject}")
