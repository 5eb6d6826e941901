"""Whether a policy allows what an identity token is to be exchanged for. Values only, no I/O.

A statement is about a token when it names the type that is asked for, the team, user or runner, and when all its rules match
the claims. One statement that denies beats all that allow, and where none is about the token the answer is no.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from common.rights import built_in
from common.sign_in.workload_identity.language.patterns import is_literal, matches, path_of, texts_at
from common.sign_in.workload_identity.model import ORG_AUDIENCE, Decision, Level, Statement, TokenType, Wish

_AUDIENCE = ("aud",)


class Refusal(StrEnum):
    """Why a policy says no."""

    NO_MATCH = "no statement of the policy allows it"
    DENIED = "a statement of the policy denies it"
    NOT_ADMIN = "the policy allows a token without the scope `admin`, not one of an administrator"


@dataclass(frozen=True, slots=True)
class Given:
    """What a policy gives: for an organization's token whether it is an admin's, or the role that it has."""

    is_admin: bool = False
    role_id: str | None = None


def decide(statements: Iterable[Statement], claims: Mapping[str, Any], wish: Wish, org_login: str) -> Given | Refusal:
    """Return what the policy of an organization's issuer gives to whoever has these claims, or why it gives nothing."""
    about = [one for one in statements if _is_about(one, wish) and _all_match(one, claims, org_login)]
    if any(one.decision is Decision.DENY and _denies_level(one, wish) for one in about):
        return Refusal.DENIED
    allowing = [one for one in about if one.decision is Decision.ALLOW]
    if not allowing:
        return Refusal.NO_MATCH
    if wish.token_type is not TokenType.ORGANIZATION:
        return Given()
    return _of_organization(allowing, wish)


def _of_organization(allowing: list[Statement], wish: Wish) -> Given | Refusal:
    if wish.is_admin:
        is_given = any(Level.ADMIN in one.levels or one.role_id == built_in.ADMIN.id for one in allowing)
        return Given(is_admin=True) if is_given else Refusal.NOT_ADMIN
    # A token has one role: the first statement decides. Whoever may have an admin's may have a plain one.
    return Given(role_id=allowing[0].role_id or None)


def _is_about(statement: Statement, wish: Wish) -> bool:
    if statement.token_type is not wish.token_type:
        return False
    if statement.token_type is TokenType.TEAM:
        return matches(statement.target, wish.target)
    return statement.target == wish.target


def _denies_level(statement: Statement, wish: Wish) -> bool:
    """Tell whether a statement that denies is about this level: one that names `admin` alone leaves plain tokens be."""
    return wish.is_admin or statement.levels != (Level.ADMIN,)


def _all_match(statement: Statement, claims: Mapping[str, Any], org_login: str) -> bool:
    allows = statement.decision is Decision.ALLOW
    own = ORG_AUDIENCE + org_login
    rules = [(path_of(key), value if isinstance(value, list) else [value]) for key, value in statement.rules.items()]
    if allows and all(path != _AUDIENCE for path, _ in rules):
        # Without a rule of its own for the audience, it takes what was made for this organization.
        rules.append((_AUDIENCE, [own]))
    for path, patterns in rules:
        texts = texts_at(claims, path)
        if allows and path == _AUDIENCE:
            if not any(_fits_audience(pattern, text, own) for pattern in patterns for text in texts):
                return False
        elif not any(matches(pattern, text) for pattern in patterns for text in texts):
            return False
    return True


def _fits_audience(pattern: str, text: str, own: str) -> bool:
    """Tell whether a pattern takes an audience; a loose one never takes another organization's, whatever its name begins with."""
    if text.startswith(ORG_AUDIENCE) and text != own and not is_literal(pattern):
        return False
    return matches(pattern, text)
