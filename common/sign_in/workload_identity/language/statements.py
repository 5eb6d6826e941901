"""Checks the statements of a policy. No I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from common.core.errors import BadRequest
from common.core.ids import is_id
from common.sign_in.workload_identity.language.patterns import path_of, require_pattern
from common.sign_in.workload_identity.model import Decision, Level, Statement, TokenType

# The first is upstream's.
STATEMENTS_LIMIT = 40
RULES_LIMIT = 40
PATTERNS_LIMIT = 100
TARGET_LIMIT = 100
_E = TypeVar("_E", bound=StrEnum)
_TARGET_MEMBERS = {TokenType.TEAM: "teamName", TokenType.PERSONAL: "userLogin", TokenType.RUNNER: "runnerID"}


@dataclass(frozen=True, slots=True)
class StatementInput:
    """A statement as a client sends it; a field that it left out is empty."""

    decision: str
    token_type: str
    team_name: str = ""
    user_login: str = ""
    runner_id: str = ""
    role_id: str = ""
    permissions: Sequence[str] = ()
    rules: Mapping[str, Any] = field(default_factory=dict)


def require_statements(inputs: Sequence[StatementInput]) -> tuple[Statement, ...]:
    """Return the statements of a policy; raises BadRequest, which names the statement that is not valid."""
    if not inputs:
        raise BadRequest("a policy needs a statement; to allow nothing, send one that denies everything")
    if len(inputs) > STATEMENTS_LIMIT:
        raise BadRequest(f"a policy may have at most {STATEMENTS_LIMIT} statements, not {len(inputs):,}")
    return tuple(_numbered(number, statement) for number, statement in enumerate(inputs))


def _numbered(number: int, statement: StatementInput) -> Statement:
    try:
        return _statement(statement)
    except BadRequest as error:
        raise BadRequest(f"policies[{number}]: {error.detail}") from error


def _statement(new: StatementInput) -> Statement:
    decision = _member_of(Decision, new.decision, "decision")
    token_type = _member_of(TokenType, new.token_type, "tokenType")
    statement = Statement(
        decision,
        token_type,
        _rules(new.rules),
        _target(new, token_type),
        new.role_id,
        tuple(_member_of(Level, text, "authorizedPermissions") for text in dict.fromkeys(new.permissions)),
    )
    _require_role_or_levels(statement)
    if decision is Decision.ALLOW and not statement.rules:
        raise BadRequest("a statement that allows needs rules: without rules it would allow every token of the issuer")
    return statement


def _member_of(enumeration: type[_E], text: str, name: str) -> _E:
    try:
        return enumeration(text)
    except ValueError as error:
        raise BadRequest(f"{name} must be one of {', '.join(enumeration)}, not {text[:80]!a}") from error


def _target(new: StatementInput, token_type: TokenType) -> str:
    members = {"teamName": new.team_name, "userLogin": new.user_login, "runnerID": new.runner_id}
    needed = _TARGET_MEMBERS.get(token_type, "")
    for member, text in members.items():
        if text and member != needed:
            raise BadRequest(f"a statement about {token_type} tokens cannot have a {member}")
    target = members.get(needed, "")
    if needed and not 0 < len(target) <= TARGET_LIMIT:
        raise BadRequest(f"a statement about {token_type} tokens needs a {needed} of at most {TARGET_LIMIT} characters")
    require_pattern(target)
    return target


def _require_role_or_levels(statement: Statement) -> None:
    """Raise BadRequest unless an organization token has either a role or levels, and other tokens have neither."""
    if statement.token_type is not TokenType.ORGANIZATION:
        if statement.role_id or statement.levels:
            raise BadRequest(f"a statement about {statement.token_type} tokens cannot have a roleID or authorizedPermissions")
        return
    if statement.role_id and not is_id(statement.role_id):
        raise BadRequest(f"roleID {statement.role_id[:80]!a} is not the id of a role")
    if statement.decision is Decision.DENY:
        if statement.role_id:
            raise BadRequest("a statement that denies cannot have a roleID")
        return
    if bool(statement.role_id) == bool(statement.levels):
        raise BadRequest("a statement that allows organization tokens needs either authorizedPermissions or a roleID")


def _rules(rules: Mapping[str, Any]) -> dict[str, str | list[str]]:
    if len(rules) > RULES_LIMIT:
        raise BadRequest(f"a statement may have at most {RULES_LIMIT} rules, not {len(rules):,}")
    for key, value in rules.items():
        path_of(key)
        patterns = value if isinstance(value, list) else [value]
        if not patterns or len(patterns) > PATTERNS_LIMIT or not all(isinstance(pattern, str) for pattern in patterns):
            raise BadRequest(
                f"rule {key[:80]!a} needs a string, or a list of 1 to {PATTERNS_LIMIT} strings of which one must match"
            )
        for pattern in patterns:
            require_pattern(pattern)
    return dict(rules)
