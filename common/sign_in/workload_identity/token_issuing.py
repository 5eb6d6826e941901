"""Issues the access token for an identity token, and the refresh token that renews it.

No token lives longer than the issuer's `maxExpiration` after the exchange, however often it is renewed. The policy is locked
while a token is issued, so that a policy that was just changed or deleted allows nothing.
"""

import hashlib
import re
import secrets
from collections.abc import Callable
from datetime import timedelta

import msgspec
from sqlalchemy import Connection

from common.access import tokens as access
from common.access.authentication import TokenOwner
from common.audit import steps as audit
from common.audit.steps import Actor, Event
from common.backend import Backend
from common.core.clock import from_millis, unix_millis
from common.core.errors import Unavailable
from common.core.names import first_free
from common.db.faults import is_race
from common.db.retry import retry
from common.people.orgs.steps import get_settings
from common.people.users import steps as users
from common.rights import built_in
from common.sign_in.workload_identity.language.evaluation import Refusal, TokenRights, evaluate
from common.sign_in.workload_identity.model import Exchange, IssuedTokens, Issuer, RefreshToken, TokenType
from common.sign_in.workload_identity.repository import issuers, refresh_tokens
from common.sign_in.workload_identity.token_request import Problem, TokenRefused

_ATTEMPTS = 4
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_.-]+")
_NAME_LENGTH = 24
_DAY_SECONDS = 86_400
_EVENTS = {TokenType.TEAM: Event.TEAM_TOKEN_EXCHANGED, TokenType.PERSONAL: Event.PERSONAL_TOKEN_EXCHANGED}


class _PolicyChanged(Exception):
    """The policy was changed after it was evaluated."""


def new_refresh_token() -> str:
    """Return the text of a new refresh token: 160 random bits."""
    return f"pulr-{secrets.token_hex(20)}"


def hash_of(refresh_token: str) -> str:
    """Return the hash that is stored of a refresh token. A plain hash is enough for 160 random bits."""
    return hashlib.sha256(refresh_token.encode("utf-8", "replace")).hexdigest()


def issue_tokens(
    backend: Backend,
    issuer: Issuer,
    exchange: Exchange,
    family_id: str,
    *,
    use: Callable[[Connection], bool] | None = None,
    client: str = "",
) -> IssuedTokens:
    """Return tokens if the issuer's policy allows them now; raises TokenRefused.

    `use` uses up the refresh token of a renewal, in the same transaction, and returns whether it still worked. `client` is
    the network address for the audit log.
    """
    # No permission check: the request is checked against the policy that admins wrote.
    unused = [issuer]  # from the second attempt on, the issuer is read again

    def attempt() -> IssuedTokens:
        evaluated = unused.pop() if unused else _read_again(backend, issuer)
        if evaluated is None:
            raise TokenRefused(Problem.GRANT, "the issuer is not trusted any more")
        rights = _evaluate(evaluated, exchange)
        with backend.db.begin() as tx:
            if not issuers.lock_policy(tx, evaluated.id, evaluated.policy_version, unix_millis(backend.clock.now())):
                raise _PolicyChanged
            _require_usable(tx, use)
            _record(tx, backend, evaluated, exchange, is_renewal=use is not None, client=client)
            return _issue(tx, backend, evaluated, exchange, rights, family_id=family_id)

    return retry(
        attempt,
        when=lambda error: isinstance(error, _PolicyChanged) or is_race(error),
        attempts=_ATTEMPTS,
        failure=lambda: Unavailable("the issuer is changed or used by too many requests at once; try again"),
    )


def actor_of(issuer: Issuer, client: str) -> Actor:
    """Return the actor in the audit log for the client of an issuer's identity tokens."""
    return Actor("", f"{issuer.org_login}/oidc/{_short_name(issuer.name)}", source_ip=client)


def _read_again(backend: Backend, issuer: Issuer) -> Issuer | None:
    with backend.db.connect() as connection:
        return issuers.find_by_id(connection, issuer.id)


def _record(tx: Connection, backend: Backend, issuer: Issuer, exchange: Exchange, *, is_renewal: bool, client: str) -> None:
    suffix = f" for {exchange.target!a}" if exchange.target else " as an administrator" if exchange.is_admin else ""
    verb = "Renewed" if is_renewal else "Gave"
    description = f"{verb} a {exchange.token_type} token{suffix} for an identity token of issuer {issuer.name!a}"
    event = _EVENTS.get(exchange.token_type, Event.ORG_TOKEN_EXCHANGED)
    audit.record_as(tx, backend, actor_of(issuer, client), issuer.org_id, event, description=description)


def _evaluate(issuer: Issuer, exchange: Exchange) -> TokenRights:
    rights = evaluate(issuer.statements, exchange.claims, exchange.requested, issuer.org_login)
    if isinstance(rights, Refusal):
        problem = Problem.SCOPE if rights is Refusal.NOT_ADMIN else Problem.GRANT
        raise TokenRefused(problem, f"issuer {issuer.name!a} of organization {issuer.org_login}: {rights}")
    return rights


def _require_usable(tx: Connection, use: Callable[[Connection], bool] | None) -> None:
    if use is not None and not use(tx):
        raise TokenRefused(Problem.GRANT, "the refresh token is unknown, used or expired; sign in again")


def _issue(
    tx: Connection,
    backend: Backend,
    issuer: Issuer,
    exchange: Exchange,
    rights: TokenRights,
    *,
    family_id: str,
) -> IssuedTokens:
    now = backend.clock.now()
    ends_at = from_millis(exchange.exchanged_at) + timedelta(seconds=issuer.max_expiration_seconds)
    seconds = min(exchange.seconds, int((ends_at - now).total_seconds()), _org_limit_seconds(tx, issuer))
    if seconds <= 0:
        raise TokenRefused(Problem.GRANT, "tokens of this exchange cannot be refreshed any more; sign in again")
    owner = _owner(tx, backend, issuer, exchange, rights)
    token = access.issue_token(
        tx,
        owner,
        name=f"oidc/{_short_name(issuer.name)}/{secrets.token_hex(6)}",
        description=f"given for an identity token of {issuer.name}",
        created_by=owner.user_id,
        now=now,
        expires_at=now + timedelta(seconds=seconds),
    )
    text = new_refresh_token()
    stored = msgspec.structs.replace(exchange, role_id=rights.role_id)
    refresh_token = RefreshToken(hash_of(text), family_id, issuer.id, token.id, stored, unix_millis(ends_at), None)
    refresh_tokens.create(tx, refresh_token, org_id=issuer.org_id, now_millis=unix_millis(now))
    return IssuedTokens(token.text, text, seconds, exchange.requested)


def _org_limit_seconds(tx: Connection, issuer: Issuer) -> int:
    """Return the longest lifetime of tokens that the organization allows, in seconds."""
    days = get_settings(tx, issuer.org_id).max_access_token_expiry_days
    return days * _DAY_SECONDS if days else issuer.max_expiration_seconds


def _owner(tx: Connection, backend: Backend, issuer: Issuer, exchange: Exchange, rights: TokenRights) -> TokenOwner:
    match exchange.token_type:
        case TokenType.PERSONAL:
            return _person(tx, issuer, exchange.target)
        case TokenType.TEAM:
            return _team(tx, backend, issuer, exchange.target)
        case _:
            return _organization(tx, backend, issuer, rights)


def _person(tx: Connection, issuer: Issuer, login: str) -> TokenOwner:
    user_id = refresh_tokens.lock_member(tx, issuer.org_id, login)
    if user_id is None:
        text = f"{login[:100]!a} is not a member of organization {issuer.org_login}, or is suspended"
        raise TokenRefused(Problem.GRANT, text)
    return TokenOwner(user_id, issuer.org_id, issuer_id=issuer.id, is_personal=True)


def _team(tx: Connection, backend: Backend, issuer: Issuer, name: str) -> TokenOwner:
    team_id = refresh_tokens.lock_team(tx, issuer.org_id, name)
    if team_id is None:
        raise TokenRefused(Problem.GRANT, f"organization {issuer.org_login} has no team {name[:100]!a}")
    machine_id = _machine(tx, backend, issuer, f"team:{team_id}", f"/team/{name[:_NAME_LENGTH]}")
    return TokenOwner(machine_id, issuer.org_id, team_id, issuer_id=issuer.id)


def _organization(tx: Connection, backend: Backend, issuer: Issuer, rights: TokenRights) -> TokenOwner:
    role_id = rights.role_id
    if role_id is None:
        subject, suffix = ("admin", "/admin") if rights.is_admin else ("member", "")
    else:
        subject, suffix = f"role:{role_id}", f"/role/{role_id[-12:]}"
        if built_in.role_of(role_id) is None and refresh_tokens.lock_role(tx, issuer.org_id, role_id) is None:
            text = f"the policy names a role that organization {issuer.org_login} does not have any more"
            raise TokenRefused(Problem.GRANT, text)
    machine_id = _machine(tx, backend, issuer, subject, suffix)
    return TokenOwner(machine_id, issuer.org_id, role_id=role_id, is_admin=rights.is_admin, issuer_id=issuer.id)


def _machine(tx: Connection, backend: Backend, issuer: Issuer, subject: str, suffix: str) -> str:
    """Return the machine that acts for such tokens of an issuer; the first token creates it.

    Members, admins, each role and each team have one. The creator of a stack has more permissions on it, and a token with few
    permissions must not get them on the stacks of a token with more.
    """
    machine_id = refresh_tokens.find_machine(tx, issuer.id, subject)
    if machine_id is not None:
        return machine_id
    wanted = f"oidc/{_short_name(issuer.name)}{suffix}"
    name = first_free(wanted, lambda variant: users.find_id(tx, f"{issuer.org_login}/{variant}") is not None)
    user_id = users.create_machine(tx, org_login=issuer.org_login, name=name, now=backend.clock.now())
    refresh_tokens.create_machine(tx, issuer.id, subject, user_id)
    return user_id


def _short_name(name: str) -> str:
    return _NOT_ALLOWED.sub("-", name)[:_NAME_LENGTH].strip("-.") or "issuer"
