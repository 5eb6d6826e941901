"""Which statements a policy may have. No I/O."""

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
_W = TypeVar("_W", bound=StrEnum)
_NAMED_BY = {TokenType.TEAM: "teamName", TokenType.PERSONAL: "userLogin", TokenType.RUNNER: "runnerID"}


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement as it was sent; empty where it was left out."""

    decision: str
    token_type: str
    team_name: str = ""
    user_login: str = ""
    runner_id: str = ""
    role_id: str = ""
    permissions: Sequence[str] = ()
    rules: Mapping[str, Any] = field(default_factory=dict)


def require_statements(sent: Sequence[Sent]) -> tuple[Statement, ...]:
    """Return the statements of a policy; BadRequest with the place that is off."""
    if not sent:
        msg = "a policy needs a statement; one that denies everything is better than none"
        raise BadRequest(msg)
    if len(sent) > STATEMENTS_LIMIT:
        msg = f"a policy may have {STATEMENTS_LIMIT} statements, not {len(sent):,}"
        raise BadRequest(msg)
    return tuple(_numbered(number, one) for number, one in enumerate(sent))


def _numbered(number: int, sent: Sent) -> Statement:
    try:
        return _statement(sent)
    except BadRequest as error:
        msg = f"policies[{number}]: {error.detail}"
        raise BadRequest(msg) from error


def _statement(sent: Sent) -> Statement:
    decision = _known(Decision, sent.decision, "decision")
    token_type = _known(TokenType, sent.token_type, "tokenType")
    statement = Statement(
        decision,
        token_type,
        _rules(sent.rules),
        _target(sent, token_type),
        sent.role_id,
        tuple(_known(Level, word, "authorizedPermissions") for word in dict.fromkeys(sent.permissions)),
    )
    _require_role_or_levels(statement)
    if decision is Decision.ALLOW and not statement.rules:
        msg = "a statement that allows needs rules: without, it would take every token that the issuer ever made for anybody"
        raise BadRequest(msg)
    return statement


def _known(words: type[_W], text: str, member: str) -> _W:
    try:
        return words(text)
    except ValueError as error:
        msg = f"{member} must be one of {', '.join(words)}, not {text[:80]!a}"
        raise BadRequest(msg) from error


def _target(sent: Sent, token_type: TokenType) -> str:
    found = {"teamName": sent.team_name, "userLogin": sent.user_login, "runnerID": sent.runner_id}
    wanted = _NAMED_BY.get(token_type, "")
    for member, text in found.items():
        if text and member != wanted:
            msg = f"a statement about {token_type} tokens has no {member}"
            raise BadRequest(msg)
    target = found.get(wanted, "")
    if wanted and not 0 < len(target) <= TARGET_LIMIT:
        msg = f"a statement about {token_type} tokens needs a {wanted} of at most {TARGET_LIMIT} characters"
        raise BadRequest(msg)
    require_pattern(target)
    return target


def _require_role_or_levels(statement: Statement) -> None:
    """Raise BadRequest unless it is plain what an organization's token may do, and nothing is said of that for others."""
    if statement.token_type is not TokenType.ORGANIZATION:
        if statement.role_id or statement.levels:
            msg = f"a statement about {statement.token_type} tokens has neither a roleID nor authorizedPermissions"
            raise BadRequest(msg)
        return
    if statement.role_id and not is_id(statement.role_id):
        msg = f"roleID {statement.role_id[:80]!a} is not the id of a role"
        raise BadRequest(msg)
    if statement.decision is Decision.DENY:
        if statement.role_id:
            msg = "a statement that denies has no roleID"
            raise BadRequest(msg)
        return
    if bool(statement.role_id) == bool(statement.levels):
        msg = "a statement that allows organization tokens needs either authorizedPermissions or a roleID"
        raise BadRequest(msg)


def _rules(rules: Mapping[str, Any]) -> dict[str, str | list[str]]:
    if len(rules) > RULES_LIMIT:
        msg = f"a statement may have {RULES_LIMIT} rules, not {len(rules):,}"
        raise BadRequest(msg)
    for key, value in rules.items():
        path_of(key)
        patterns = value if isinstance(value, list) else [value]
        if not patterns or len(patterns) > PATTERNS_LIMIT or not all(isinstance(one, str) for one in patterns):
            msg = f"rule {key[:80]!a} needs a text, or a list of 1 to {PATTERNS_LIMIT} texts of which one must match"
            raise BadRequest(msg)
        for pattern in patterns:
            require_pattern(pattern)
    return dict(rules)
