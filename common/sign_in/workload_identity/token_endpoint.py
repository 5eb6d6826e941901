"""The token endpoint: an identity token for an access token (RFC 8693), and a refresh token for new ones (RFC 6749, 6).

An organization that does not exist and one that does not trust the issuer are answered alike. An identity token may be
exchanged as often as its holder likes while it is good: clients repeat what got no answer, and the jobs of a pipeline share it.
"""

from typing import Any

from common.audit import steps
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
from common.sign_in.workload_identity.model import Issuer, TokenType, matchable_claims
from common.sign_in.workload_identity.refresh import refresh
from common.sign_in.workload_identity.repository import issuers
from common.sign_in.workload_identity.repository.refresh_tokens import Request
from common.sign_in.workload_identity.token_issuing import Granted, grant, job_of
from common.sign_in.workload_identity.token_request import ACCESS_TOKEN, EXCHANGE, REFRESH, Asked, Problem, TokenRefused
from common.wire.oauth import TokenError, TokenExchangeGrantResponse

_TOKEN_LIMIT = 16 * 1_024
_REFUSED, _GIVEN = 400, 200


def answer(backend: Backend, body: bytes, *, client: str = "") -> tuple[int, TokenExchangeGrantResponse | TokenError]:
    """Return the status and the body of the answer to what was sent to the token endpoint, from a network address.

    TooManyRequests instead of a refusal for an address that was refused often a short time ago.
    """
    # No permission check: whoever asks for a token has none.
    try:
        return _GIVEN, _answer(backend, body, client)
    except TokenRefused as refused:
        message = f"Bad Request: {refused.text}"
        return _REFUSED, TokenError(error=refused.problem, error_description=refused.text, code=_REFUSED, message=message)


def _answer(backend: Backend, body: bytes, client: str) -> TokenExchangeGrantResponse:
    fields = token_request.read_fields(body)
    match fields.get("grant_type", ""):
        case token_request.EXCHANGE:
            return _exchange(backend, token_request.read_exchange(fields), client)
        case token_request.REFRESH:
            granted, found = refresh(backend, token_request.read_refresh(fields), client)
            return _response(granted, found.request)
        case "":
            msg = "grant_type is missing"
            raise TokenRefused(Problem.REQUEST, msg)
        case _:
            msg = f"grant_type must be {EXCHANGE} or {REFRESH}"
            raise TokenRefused(Problem.GRANT_TYPE, msg)


def _exchange(backend: Backend, asked: Asked, client: str) -> TokenExchangeGrantResponse:
    if asked.wish.token_type is TokenType.RUNNER:
        msg = "this server has no pools of runners yet, so it gives no runner tokens"
        raise TokenRefused(Problem.SCOPE, msg)
    try:
        token = id_token.read(asked.subject_token, limit=_TOKEN_LIMIT)
    except InvalidToken as error:
        raise _invalid(error) from error
    issuer = _find_issuer(backend, asked.org, token)
    try:
        return _given(backend, asked, token, issuer, client=client)
    except TokenRefused as refused:
        # Only where the issuer is known: whoever is not trusted writes nothing into anybody's log, and nobody fills it.
        rate_limits.count(backend, (rate_limits.REFUSAL_OF_CLIENT, rate_limits.client_subject(client)))
        _record_refusal(backend, issuer, asked, refused.text, client=client)
        raise


def _given(
    backend: Backend,
    asked: Asked,
    token: UnverifiedToken,
    issuer: Issuer,
    *,
    client: str,
) -> TokenExchangeGrantResponse:
    try:
        claims = _verify(backend, token, issuer)
    except InvalidToken as error:
        raise _invalid(error) from error
    except KeysUnavailable as error:
        raise TokenRefused(Problem.GRANT, f"the keys of the issuer cannot be fetched: {error}") from error
    request = Request(
        asked.wish.token_type,
        asked.seconds,
        unix_millis(backend.clock.now()),
        matchable_claims(claims),
        target=asked.wish.target,
        is_admin=asked.wish.is_admin,
    )
    return _response(grant(backend, issuer, request, new_id(), client=client), request)


def _record_refusal(backend: Backend, issuer: Issuer, asked: Asked, reason: str, *, client: str) -> None:
    wanted = f"a {asked.wish.token_type} token" + (f" for {asked.wish.target[:100]!a}" if asked.wish.target else "")
    told = f"Refused {wanted} for an identity token of issuer {issuer.name!a}: {reason}"

    def record() -> None:
        with backend.db.begin() as tx:
            steps.record_as(tx, backend, job_of(issuer, client), issuer.org_id, Event.ISSUER_REFUSED, description=told)

    retry(record)


def _invalid(error: InvalidToken) -> TokenRefused:
    return TokenRefused(Problem.GRANT, f"the identity token is not good: {error}")


def _find_issuer(backend: Backend, org: str, token: UnverifiedToken) -> Issuer:
    with backend.db.connect() as connection:
        issuer = issuers.find_trusted(connection, org, token.issuer)
    if issuer is None:
        msg = f"organization {org[:100]!a} does not exist, or does not trust the issuer of the identity token"
        raise TokenRefused(Problem.GRANT, msg)
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


def _response(granted: Granted, request: Request) -> TokenExchangeGrantResponse:
    return TokenExchangeGrantResponse(
        access_token=granted.access_token,
        issued_token_type=ACCESS_TOKEN + request.token_type,
        token_type="token",  # noqa: S106 - the scheme of the header that it goes into
        expires_in=granted.seconds,
        scope=token_request.scope_of(request.wish),
        refresh_token=granted.refresh_token,
    )
