"""Evaluates a policy for a requested token and the claims of an identity token. Values only, no I/O.

A statement matches if it names the requested type and the team, user or runner, and all its rules match the claims. A statement
that denies wins over all that allow. If no statement matches, the token is refused.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from common.rights import built_in
from common.sign_in.workload_identity.language.patterns import is_literal, matches, path_of, texts_at
from common.sign_in.workload_identity.model import ORG_AUDIENCE, Decision, Level, RequestedToken, Statement, TokenType

_AUDIENCE = ("aud",)


class Refusal(StrEnum):
    """The reason why a policy refuses a token."""

    NO_MATCH = "no statement of the policy allows it"
    DENIED = "a statement of the policy denies it"
    NOT_ADMIN = "the policy allows a token without the scope `admin`, not one of an administrator"


@dataclass(frozen=True, slots=True)
class TokenRights:
    """The rights that a policy allows: for an organization token, whether it is an admin's, or its role."""

    is_admin: bool = False
    role_id: str | None = None


def evaluate(
    statements: Iterable[Statement], claims: Mapping[str, Any], requested: RequestedToken, org_login: str
) -> TokenRights | Refusal:
    """Return the rights that a policy allows for a requested token and these claims, or why it refuses the token."""
    matching = [statement for statement in statements if _matches(statement, claims, requested, org_login)]
    if any(statement.decision is Decision.DENY and _denies(statement, requested) for statement in matching):
        return Refusal.DENIED
    allowing = [statement for statement in matching if statement.decision is Decision.ALLOW]
    if not allowing:
        return Refusal.NO_MATCH
    if requested.token_type is not TokenType.ORGANIZATION:
        return TokenRights()
    return _organization_rights(allowing, requested)


def _organization_rights(allowing: list[Statement], requested: RequestedToken) -> TokenRights | Refusal:
    if requested.is_admin:
        is_allowed = any(Level.ADMIN in statement.levels or statement.role_id == built_in.ADMIN.id for statement in allowing)
        return TokenRights(is_admin=True) if is_allowed else Refusal.NOT_ADMIN
    # A token has one role, so the first statement decides. Who may have an admin's token may have a plain one.
    return TokenRights(role_id=allowing[0].role_id or None)


def _matches(statement: Statement, claims: Mapping[str, Any], requested: RequestedToken, org_login: str) -> bool:
    return _matches_target(statement, requested) and _matches_claims(statement, claims, org_login)


def _matches_target(statement: Statement, requested: RequestedToken) -> bool:
    if statement.token_type is not requested.token_type:
        return False
    if statement.token_type is TokenType.TEAM:
        return matches(statement.target, requested.target)
    return statement.target == requested.target


def _denies(statement: Statement, requested: RequestedToken) -> bool:
    """Return whether a denying statement is about the requested level; one with `admin` alone does not deny plain tokens."""
    return requested.is_admin or statement.levels != (Level.ADMIN,)


def _matches_claims(statement: Statement, claims: Mapping[str, Any], org_login: str) -> bool:
    allows = statement.decision is Decision.ALLOW
    own_audience = ORG_AUDIENCE + org_login
    rules = [(path_of(key), value if isinstance(value, list) else [value]) for key, value in statement.rules.items()]
    if allows and all(path != _AUDIENCE for path, _ in rules):
        # Without a rule for the audience, a statement allows tokens that were made for this organization.
        rules.append((_AUDIENCE, [own_audience]))
    for path, patterns in rules:
        texts = texts_at(claims, path)
        if allows and path == _AUDIENCE:
            if not any(_matches_audience(pattern, text, own_audience) for pattern in patterns for text in texts):
                return False
        elif not any(matches(pattern, text) for pattern in patterns for text in texts):
            return False
    return True


def _matches_audience(pattern: str, text: str, own_audience: str) -> bool:
    """Return whether a pattern matches an audience; only a literal one matches another organization's."""
    if text.startswith(ORG_AUDIENCE) and text != own_audience and not is_literal(pattern):
        return False
    return matches(pattern, text)
