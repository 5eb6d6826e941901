"""The token endpoint: exchanges an identity token (RFC 8693), and a refresh token (RFC 6749, 6), for access tokens.

An organization that does not exist and one that does not trust the issuer get the same answer. An identity token may be
exchanged as often as its client likes while it is valid: clients repeat requests without an answer, and the jobs of a pipeline
share a token.
"""

from typing import Any

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.ids import new_id
from common.db.retry import retry
from common.sign_in import rate_limits
from common.sign_in.oidc import id_token, keys
from common.sign_in.oidc.id_token import InvalidToken, UnknownKey, UnverifiedToken
from common.sign_in.workload_identity import issuer_keys, token_request
from common.sign_in.workload_identity.issuer_keys import KeysUnavailable
from common.sign_in.workload_identity.model import Exchange, IssuedTokens, Issuer, TokenType, matchable_claims
from common.sign_in.workload_identity.refresh import refresh
from common.sign_in.workload_identity.repository import issuers
from common.sign_in.workload_identity.token_issuing import actor_of, issue_tokens
from common.sign_in.workload_identity.token_request import EXCHANGE, REFRESH, ExchangeRequest, Problem, TokenRefused

_TOKEN_LIMIT = 16 * 1_024


def request_tokens(backend: Backend, body: bytes, *, client: str = "") -> IssuedTokens | TokenRefused:
    """Return the tokens for a request to the token endpoint, or why they are refused; `client` is its network address.

    Raises TooManyRequests instead of a refusal for a network address with many refusals in a short time.
    """
    # No permission check: the identity token or the refresh token says who the client is.
    try:
        return _request_tokens(backend, body, client)
    except TokenRefused as refused:
        return refused


def _request_tokens(backend: Backend, body: bytes, client: str) -> IssuedTokens:
    fields = token_request.read_fields(body)
    match fields.get("grant_type", ""):
        case token_request.EXCHANGE:
            return _exchange(backend, token_request.read_exchange(fields), client)
        case token_request.REFRESH:
            return refresh(backend, token_request.read_refresh(fields), client)
        case "":
            raise TokenRefused(Problem.REQUEST, "grant_type is missing")
        case _:
            raise TokenRefused(Problem.GRANT_TYPE, f"grant_type must be {EXCHANGE} or {REFRESH}")


def _exchange(backend: Backend, request: ExchangeRequest, client: str) -> IssuedTokens:
    if request.requested.token_type is TokenType.RUNNER:
        raise TokenRefused(Problem.SCOPE, "this server has no pools of runners yet, so it does not issue runner tokens")
    try:
        token = id_token.read(request.subject_token, limit=_TOKEN_LIMIT)
    except InvalidToken as error:
        raise _invalid(error) from error
    issuer = _find_issuer(backend, request.org, token)
    try:
        return _verify_and_issue(backend, request, token, issuer, client=client)
    except TokenRefused as refused:
        # Only for a trusted issuer, so that strangers do not write into an audit log; and limited, so that it does not fill up.
        rate_limits.count(backend, (rate_limits.REFUSAL_OF_CLIENT, rate_limits.client_subject(client)))
        _record_refusal(backend, issuer, request, refused.text, client=client)
        raise


def _verify_and_issue(
    backend: Backend,
    request: ExchangeRequest,
    token: UnverifiedToken,
    issuer: Issuer,
    *,
    client: str,
) -> IssuedTokens:
    try:
        claims = _verify(backend, token, issuer)
    except InvalidToken as error:
        raise _invalid(error) from error
    except KeysUnavailable as error:
        raise TokenRefused(Problem.GRANT, f"the keys of the issuer cannot be fetched: {error}") from error
    exchange = Exchange(
        request.requested.token_type,
        request.seconds,
        unix_millis(backend.clock.now()),
        matchable_claims(claims),
        target=request.requested.target,
        is_admin=request.requested.is_admin,
    )
    return issue_tokens(backend, issuer, exchange, new_id(), client=client)


def _record_refusal(backend: Backend, issuer: Issuer, request: ExchangeRequest, reason: str, *, client: str) -> None:
    target = f" for {request.requested.target[:100]!a}" if request.requested.target else ""
    token = f"a {request.requested.token_type} token{target}"
    description = f"Refused {token} for an identity token of issuer {issuer.name!a}: {reason}"

    def record() -> None:
        with backend.db.begin() as tx:
            audit.record_as(tx, backend, actor_of(issuer, client), issuer.org_id, Event.ISSUER_REFUSED, description=description)

    retry(record)


def _invalid(error: InvalidToken) -> TokenRefused:
    return TokenRefused(Problem.GRANT, f"the identity token is not valid: {error}")


def _find_issuer(backend: Backend, org: str, token: UnverifiedToken) -> Issuer:
    with backend.db.connect() as connection:
        issuer = issuers.find_trusted(connection, org, token.issuer)
    if issuer is None:
        text = f"organization {org[:100]!a} does not exist, or does not trust the issuer of the identity token"
        raise TokenRefused(Problem.GRANT, text)
    return issuer


def _verify(backend: Backend, token: UnverifiedToken, issuer: Issuer) -> dict[str, Any]:
    """Return the claims of a valid token; keys are fetched at most once for it."""
    current = issuer_keys.with_fresh_keys(backend, issuer)
    try:
        return _verify_with(backend, token, current)
    except UnknownKey:
        if current is not issuer or current.static_keys is not None:
            raise
        return _verify_with(backend, token, issuer_keys.with_new_keys(backend, issuer))


def _verify_with(backend: Backend, token: UnverifiedToken, issuer: Issuer) -> dict[str, Any]:
    return id_token.verify(
        token,
        keys.decode(issuer.static_keys or issuer.keys),
        backend.clock.now(),
        iss={"essential": True, "value": issuer.issuer},
        aud={"essential": True},
        exp={"essential": True},
    )
