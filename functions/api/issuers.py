"""Issuers of identity tokens, their policies, and the token endpoint (platform.md 10)."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from msgspec import UNSET

from common.core.clock import from_millis
from common.sign_in.workload_identity.language.statements import StatementInput
from common.sign_in.workload_identity.model import IssuedTokens, Issuer, IssuerUpdate, Registration, Statement, TokenType
from common.sign_in.workload_identity.service import issuers, policies, token_endpoint
from common.sign_in.workload_identity.token_request import ACCESS_TOKEN, TokenRefused, scope_of
from common.wire.issuers import (
    AuthPolicy,
    AuthPolicyDefinition,
    AuthPolicyDefinitionRequest,
    AuthPolicyUpdateRequest,
    ListOidcIssuersResponse,
    OidcIssuerRegistrationRequest,
    OidcIssuerRegistrationResponse,
    OidcIssuerUpdateRequest,
)
from common.wire.oauth import TokenError, TokenExchangeGrantResponse
from functions.http.bodies import BodyDep
from functions.http.deps import JSON, BackendDep, CallerDep, DocumentBodyDep, client_address, empty, reply

router = APIRouter()
_ISSUERS = "/api/orgs/{org}/oidc/issuers"
_ISSUER = f"{_ISSUERS}/{{issuer_id}}"
_BAD_REQUEST = 400


async def get_with_keys(request: Request) -> bool:
    """Return whether the client can read a standard JWKS: the vendor's SDK, which accepts plain JSON, cannot."""
    return JSON not in request.headers.get("accept", "").lower()


WithKeysDep = Annotated[bool, Depends(get_with_keys)]


@router.post("/api/oauth/token")
def exchange_token(request: Request, backend: BackendDep, body: BodyDep) -> Response:
    return _token_reply(token_endpoint.request_tokens(backend, body.text, client=client_address(request)))


@router.get(_ISSUERS)
def list_issuers(backend: BackendDep, caller: CallerDep, org: str, with_keys: WithKeysDep) -> Response:
    trusted = issuers.list_issuers(backend, caller, org)
    return reply(ListOidcIssuersResponse([_issuer(issuer, with_keys=with_keys) for issuer in trusted]))


@router.post(_ISSUERS)
def register_issuer(backend: BackendDep, caller: CallerDep, org: str, body: DocumentBodyDep, with_keys: WithKeysDep) -> Response:
    sent = body.decode(OidcIssuerRegistrationRequest)
    new = Registration(sent.name or "", sent.url or "", tuple(sent.thumbprints or ()), sent.max_expiration, sent.jwks)
    return reply(_issuer(issuers.register(backend, caller, org, new), with_keys=with_keys))


@router.get(_ISSUER)
def get_issuer(backend: BackendDep, caller: CallerDep, org: str, issuer_id: str, with_keys: WithKeysDep) -> Response:
    return reply(_issuer(issuers.get_issuer(backend, caller, org, issuer_id), with_keys=with_keys))


@router.patch(_ISSUER)
def update_issuer(
    backend: BackendDep,
    caller: CallerDep,
    org: str,
    issuer_id: str,
    body: DocumentBodyDep,
    with_keys: WithKeysDep,
) -> Response:
    sent = body.decode(OidcIssuerUpdateRequest)
    new = IssuerUpdate(sent.name or "", tuple(sent.thumbprints or ()), sent.max_expiration, sent.jwks)
    return reply(_issuer(issuers.update(backend, caller, org, issuer_id, new), with_keys=with_keys))


@router.delete(_ISSUER)
def delete_issuer(backend: BackendDep, caller: CallerDep, org: str, issuer_id: str) -> Response:
    issuers.delete(backend, caller, org, issuer_id)
    return empty()


@router.post(f"{_ISSUER}/regenerate-thumbprints")
def regenerate_thumbprints(backend: BackendDep, caller: CallerDep, org: str, issuer_id: str, with_keys: WithKeysDep) -> Response:
    return reply(_issuer(issuers.regenerate_thumbprints(backend, caller, org, issuer_id), with_keys=with_keys))


@router.get("/api/orgs/{org}/auth/policies/oidcissuers/{issuer_id}")
def get_policy(backend: BackendDep, caller: CallerDep, org: str, issuer_id: str) -> Response:
    return reply(_policy(policies.get_policy(backend, caller, org, issuer_id)))


@router.patch("/api/orgs/{org}/auth/policies/{policy_id}")
def update_policy(backend: BackendDep, caller: CallerDep, org: str, policy_id: str, body: DocumentBodyDep) -> Response:
    sent = body.decode(AuthPolicyUpdateRequest)
    statements = [_statement_input(definition) for definition in sent.policies or ()]
    return reply(_policy(policies.replace_policy(backend, caller, org, policy_id, statements)))


def _token_reply(result: IssuedTokens | TokenRefused) -> Response:
    status = _BAD_REQUEST if isinstance(result, TokenRefused) else 200
    content = _token_error(result) if isinstance(result, TokenRefused) else _token_response(result)
    # RFC 6749, 5.1: a reply with tokens must not be cached.
    return Response(msgspec.json.encode(content), status, {"Cache-Control": "no-store"}, media_type=JSON)


def _token_response(tokens: IssuedTokens) -> TokenExchangeGrantResponse:
    return TokenExchangeGrantResponse(
        access_token=tokens.access_token,
        issued_token_type=ACCESS_TOKEN + tokens.requested.token_type,
        token_type="token",  # noqa: S106 - the scheme of the header that it goes into
        expires_in=tokens.seconds,
        scope=scope_of(tokens.requested),
        refresh_token=tokens.refresh_token,
    )


def _token_error(refused: TokenRefused) -> TokenError:
    message = f"Bad Request: {refused.text}"
    return TokenError(error=refused.problem, error_description=refused.text, code=_BAD_REQUEST, message=message)


def _statement_input(sent: AuthPolicyDefinitionRequest) -> StatementInput:
    return StatementInput(
        decision=sent.decision or "",
        token_type=sent.token_type or "",
        team_name=sent.team_name or "",
        user_login=sent.user_login or "",
        runner_id=sent.runner_id or "",
        role_id=sent.role_id or "",
        permissions=sent.authorized_permissions or (),
        rules=sent.rules or {},
    )


def _issuer(issuer: Issuer, *, with_keys: bool) -> OidcIssuerRegistrationResponse:
    has_keys = with_keys and issuer.static_keys is not None
    return OidcIssuerRegistrationResponse(
        id=issuer.id,
        name=issuer.name,
        url=issuer.url,
        issuer=issuer.issuer,
        max_expiration=issuer.max_expiration_seconds,
        created=from_millis(issuer.created_at),
        modified=from_millis(issuer.modified_at),
        thumbprints=list(issuer.thumbprints) or UNSET,
        jwks=msgspec.Raw((issuer.static_keys or "").encode()) if has_keys else UNSET,
        last_used=from_millis(issuer.last_used_at) if issuer.last_used_at is not None else UNSET,
    )


def _policy(issuer: Issuer) -> AuthPolicy:
    return AuthPolicy(
        id=issuer.policy_id,
        version=issuer.policy_version,
        created=from_millis(issuer.created_at),
        modified=from_millis(issuer.policy_modified_at),
        policies=[_definition(statement) for statement in issuer.statements],
    )


def _definition(statement: Statement) -> AuthPolicyDefinition:
    def target_of(token_type: TokenType) -> str | msgspec.UnsetType:
        return statement.target if statement.token_type is token_type else UNSET

    return AuthPolicyDefinition(
        decision=statement.decision,
        token_type=statement.token_type,
        authorized_permissions=list(statement.levels),
        rules=statement.rules,
        team_name=target_of(TokenType.TEAM),
        user_login=target_of(TokenType.PERSONAL),
        runner_id=target_of(TokenType.RUNNER),
        role_id=statement.role_id or UNSET,
    )
