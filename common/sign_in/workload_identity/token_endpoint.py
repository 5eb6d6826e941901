"""The token endpoint: an identity token for an access token (RFC 8693), and a refresh token for new ones (RFC 6749, 6).

An organization that does not exist and one that does not trust the issuer are answered alike. An identity token may be
exchanged as often as its holder likes while it is good: clients repeat what got no answer, and the jobs of a pipeline share it.
"""

from common.audit import steps
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.ids import new_id
from common.db.retry import retry
from common.sign_in import rate_limits
from common.sign_in.workload_identity import id_token, issuer_keys, token_request
from common.sign_in.workload_identity.id_token import KeyMissing, NotGenuine, Peeked
from common.sign_in.workload_identity.issuer_keys import KeysUnknown
from common.sign_in.workload_identity.model import Issuer, TokenType
from common.sign_in.workload_identity.refresh import refresh
from common.sign_in.workload_identity.repository import issuers
from common.sign_in.workload_identity.repository.refresh_tokens import Request
from common.sign_in.workload_identity.token_issuing import Granted, grant, job_of
from common.sign_in.workload_identity.token_request import ACCESS_TOKEN, EXCHANGE, REFRESH, Asked, Problem, TokenRefused
from common.wire.oauth import TokenError, TokenExchangeGrantResponse

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
        peeked = id_token.peek(asked.subject_token)
    except NotGenuine as error:
        raise _not_genuine(error) from error
    issuer = _find_issuer(backend, asked.org, peeked)
    try:
        return _given(backend, asked, peeked, issuer, client=client)
    except TokenRefused as refused:
        # Only where the issuer is known: whoever is not trusted writes nothing into anybody's log, and nobody fills it.
        rate_limits.take(backend, (rate_limits.REFUSAL_OF_CLIENT, rate_limits.client_subject(client)))
        _record_refusal(backend, issuer, asked, refused.text, client=client)
        raise


def _given(
    backend: Backend,
    asked: Asked,
    peeked: Peeked,
    issuer: Issuer,
    *,
    client: str,
) -> TokenExchangeGrantResponse:
    try:
        claims = _verified(backend, asked.subject_token, peeked, issuer)
    except NotGenuine as error:
        raise _not_genuine(error) from error
    except KeysUnknown as error:
        msg = f"the keys of the issuer cannot be had: {error}"
        raise TokenRefused(Problem.GRANT, msg) from error
    request = Request(
        asked.wish.token_type,
        asked.seconds,
        unix_millis(backend.clock.now()),
        id_token.pruned(claims),
        target=asked.wish.target,
        is_admin=asked.wish.is_admin,
    )
    return _response(grant(backend, issuer, request, new_id(), client=client), request)


def _record_refusal(backend: Backend, issuer: Issuer, asked: Asked, reason: str, *, client: str) -> None:
    wanted = f"a {asked.wish.token_type} token" + (f" for {asked.wish.target[:100]!a}" if asked.wish.target else "")
    told = f"Refused {wanted} for an identity token of issuer {issuer.name!a}: {reason}"

    def record() -> None:
        with backend.db.begin() as tx:
            steps.record_of(tx, backend, job_of(issuer, client), issuer.org_id, Event.ISSUER_REFUSED, description=told)

    retry(record)


def _not_genuine(error: NotGenuine) -> TokenRefused:
    return TokenRefused(Problem.GRANT, f"the identity token is not good: {error}")


def _find_issuer(backend: Backend, org: str, peeked: Peeked) -> Issuer:
    with backend.db.connect() as connection:
        issuer = issuers.find_trusted(connection, org, peeked.issuer)
    if issuer is None:
        msg = f"organization {org[:100]!a} does not exist, or does not trust the issuer of the identity token"
        raise TokenRefused(Problem.GRANT, msg)
    return issuer


def _verified(backend: Backend, token: str, peeked: Peeked, issuer: Issuer) -> dict[str, object]:
    """Return the claims of a genuine token; keys are fetched at most once for it."""
    known = issuer_keys.current(backend, issuer)
    try:
        return id_token.verify(token, peeked, known, backend.clock.now())
    except KeyMissing:
        if known is not issuer or known.static_keys is not None:
            raise
        return id_token.verify(token, peeked, issuer_keys.renewed(backend, issuer), backend.clock.now())


def _response(granted: Granted, request: Request) -> TokenExchangeGrantResponse:
    return TokenExchangeGrantResponse(
        access_token=granted.access_token,
        issued_token_type=ACCESS_TOKEN + request.token_type,
        token_type="token",  # noqa: S106 - the scheme of the header that it goes into
        expires_in=granted.seconds,
        scope=token_request.scope_of(request.wish),
        refresh_token=granted.refresh_token,
    )
