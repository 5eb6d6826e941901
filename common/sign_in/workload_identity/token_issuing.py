"""Makes the access token that an identity token is exchanged for, and what it can be renewed with.

Nothing that is given for an identity token outlives the issuer's `maxExpiration`, counted from the exchange, however often
it is renewed. The policy is held while the token is made, so that one which was just changed or deleted gives nothing.
"""

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec
from sqlalchemy import Connection

from common.access import tokens as access
from common.access.authentication import TokenOwner
from common.audit import steps
from common.audit.steps import Actor, Event
from common.backend import Backend
from common.core.clock import from_millis, unix_millis
from common.core.errors import Unavailable
from common.db.faults import is_race
from common.people.orgs.steps import get_settings
from common.people.users import steps as users
from common.rights import built_in
from common.sign_in.workload_identity.language.evaluation import Given, Refusal, decide
from common.sign_in.workload_identity.model import Issuer, TokenType
from common.sign_in.workload_identity.repository import issuers, refresh_tokens
from common.sign_in.workload_identity.repository.refresh_tokens import Refresh, Request
from common.sign_in.workload_identity.token_request import Problem, TokenRefused

_ATTEMPTS = 4
_TRIES = 20
_UNFIT = re.compile(r"[^A-Za-z0-9_.-]+")
_NAME_LENGTH = 24
_DAY_SECONDS = 86_400
_EVENTS = {TokenType.TEAM: Event.TEAM_TOKEN_EXCHANGED, TokenType.PERSONAL: Event.PERSONAL_TOKEN_EXCHANGED}


@dataclass(frozen=True, slots=True)
class Granted:
    """An access token and a refresh token, at the one moment when their texts are known."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    seconds: int = 0


def new_refresh_token() -> str:
    """Return the text of a fresh refresh token: 160 random bits."""
    return f"pulr-{secrets.token_hex(20)}"


def hash_of(refresh_token: str) -> str:
    """Return what is stored of a refresh token. A plain hash is enough for what has 160 random bits."""
    return hashlib.sha256(refresh_token.encode("utf-8", "replace")).hexdigest()


def grant(
    backend: Backend,
    issuer: Issuer,
    request: Request,
    family_id: str,
    *,
    use: Callable[[Connection], bool] | None = None,
    client: str = "",
) -> Granted:
    """Return tokens if the issuer's policy gives them now; raises TokenRefused.

    `use` takes the refresh token that this is for, in the same transaction, and tells whether it was still good. `client` is
    the network address that asks, for the audit log.
    """
    # No permission check: what is asked for was checked against the policy that admins wrote.
    found: Issuer | None = issuer
    for _ in range(_ATTEMPTS):
        if found is None:
            msg = "the issuer is not trusted any more"
            raise TokenRefused(Problem.GRANT, msg)
        given = _require_given(found, request)
        try:
            with backend.db.begin() as tx:
                if issuers.hold_policy(tx, found.id, found.policy_version, unix_millis(backend.clock.now())):
                    _require_good(tx, use)
                    _record(tx, backend, found, request, is_renewal=use is not None, client=client)
                    return _grant(tx, backend, found, request, given, family_id=family_id)
        except Exception as error:
            if not is_race(error):
                raise
        with backend.db.connect() as connection:
            found = issuers.find_by_id(connection, issuer.id)
    msg = "the issuer is being changed or used by too many others at once; try again"
    raise Unavailable(msg)


def job_of(issuer: Issuer, client: str) -> Actor:
    """Return whoever has an issuer's identity tokens, as the audit log names them."""
    return Actor("", f"{issuer.org_login}/oidc/{_fit(issuer.name)}", source_ip=client)


def _record(tx: Connection, backend: Backend, issuer: Issuer, request: Request, *, is_renewal: bool, client: str) -> None:
    whose = f" for {request.target!a}" if request.target else " as an administrator" if request.is_admin else ""
    what = "Renewed" if is_renewal else "Gave"
    told = f"{what} a {request.token_type} token{whose} for an identity token of issuer {issuer.name!a}"
    event = _EVENTS.get(request.token_type, Event.ORG_TOKEN_EXCHANGED)
    steps.record_as(tx, backend, job_of(issuer, client), issuer.org_id, event, description=told)


def _require_given(issuer: Issuer, request: Request) -> Given:
    given = decide(issuer.statements, request.claims, request.wish, issuer.org_login)
    if isinstance(given, Refusal):
        problem = Problem.SCOPE if given is Refusal.NOT_ADMIN else Problem.GRANT
        msg = f"issuer {issuer.name!a} of organization {issuer.org_login}: {given}"
        raise TokenRefused(problem, msg)
    return given


def _require_good(tx: Connection, use: Callable[[Connection], bool] | None) -> None:
    if use is not None and not use(tx):
        msg = "the refresh token is unknown, used or expired; sign in again"
        raise TokenRefused(Problem.GRANT, msg)


def _grant(
    tx: Connection,
    backend: Backend,
    issuer: Issuer,
    request: Request,
    given: Given,
    *,
    family_id: str,
) -> Granted:
    now = backend.clock.now()
    ends = from_millis(request.exchanged_at) + timedelta(seconds=issuer.max_expiration_seconds)
    seconds = min(request.seconds, int((ends - now).total_seconds()), _limit_of_org(tx, issuer))
    if seconds <= 0:
        msg = "what was given for the identity token has come to its end; sign in again"
        raise TokenRefused(Problem.GRANT, msg)
    owner = _owner(tx, backend, issuer, request, given)
    token = access.issue_token(
        tx,
        owner,
        name=f"oidc/{_fit(issuer.name)}/{secrets.token_hex(6)}",
        description=f"given for an identity token of {issuer.name}",
        created_by=owner.user_id,
        now=now,
        expires_at=now + timedelta(seconds=seconds),
    )
    text = new_refresh_token()
    kept = msgspec.structs.replace(request, role_id=given.role_id)
    refresh = Refresh(hash_of(text), family_id, issuer.id, token.id, kept, unix_millis(ends), None)
    refresh_tokens.add(tx, refresh, org_id=issuer.org_id, now_millis=unix_millis(now))
    return Granted(token.text, text, seconds)


def _limit_of_org(tx: Connection, issuer: Issuer) -> int:
    """Return the longest life of tokens that the organization takes, in seconds."""
    days = get_settings(tx, issuer.org_id).max_access_token_expiry_days
    return days * _DAY_SECONDS if days else issuer.max_expiration_seconds


def _owner(tx: Connection, backend: Backend, issuer: Issuer, request: Request, given: Given) -> TokenOwner:
    match request.token_type:
        case TokenType.PERSONAL:
            user_id = refresh_tokens.hold_member(tx, issuer.org_id, request.target)
            if user_id is None:
                msg = f"{request.target[:100]!a} is not a member of organization {issuer.org_login}, or is suspended"
                raise TokenRefused(Problem.GRANT, msg)
            return TokenOwner(user_id, issuer.org_id, issuer_id=issuer.id, is_personal=True)
        case TokenType.TEAM:
            team_id = refresh_tokens.hold_team(tx, issuer.org_id, request.target)
            if team_id is None:
                msg = f"organization {issuer.org_login} has no team {request.target[:100]!a}"
                raise TokenRefused(Problem.GRANT, msg)
            machine_id = _machine(tx, backend, issuer, f"team:{team_id}", f"/team/{request.target[:_NAME_LENGTH]}")
            return TokenOwner(machine_id, issuer.org_id, team_id, issuer_id=issuer.id)
        case _:
            return _organization(tx, backend, issuer, given)


def _organization(tx: Connection, backend: Backend, issuer: Issuer, given: Given) -> TokenOwner:
    role_id = given.role_id
    if role_id is None:
        subject, suffix = ("admin", "/admin") if given.is_admin else ("member", "")
    else:
        subject, suffix = f"role:{role_id}", f"/role/{role_id[-12:]}"
        if built_in.role_of(role_id) is None and refresh_tokens.hold_role(tx, issuer.org_id, role_id) is None:
            msg = f"the policy gives a role that organization {issuer.org_login} does not have any more"
            raise TokenRefused(Problem.GRANT, msg)
    machine_id = _machine(tx, backend, issuer, subject, suffix)
    return TokenOwner(machine_id, issuer.org_id, role_id=role_id, is_admin=given.is_admin, issuer_id=issuer.id)


def _machine(tx: Connection, backend: Backend, issuer: Issuer, subject: str, suffix: str) -> str:
    """Return the machine that such tokens of an issuer act as, making it with the first one.

    Members, admins, roles and teams have one each: whoever made a stack holds more on it, and a token with a narrow role
    must not hold that on what a wider one made.
    """
    found = refresh_tokens.find_machine(tx, issuer.id, subject)
    if found is not None:
        return found
    name = _free_name(tx, issuer.org_login, f"oidc/{_fit(issuer.name)}{suffix}")
    user_id = users.create_machine(tx, org_login=issuer.org_login, name=name, now=backend.clock.now())
    refresh_tokens.add_machine(tx, issuer.id, subject, user_id)
    return user_id


def _free_name(tx: Connection, org_login: str, wanted: str) -> str:
    for number in range(1, _TRIES):
        name = wanted if number == 1 else f"{wanted}-{number}"
        if users.find_id(tx, f"{org_login}/{name}") is None:
            return name
    return f"{wanted}-{secrets.token_hex(3)}"


def _fit(name: str) -> str:
    return _UNFIT.sub("-", name)[:_NAME_LENGTH].strip("-.") or "issuer"
