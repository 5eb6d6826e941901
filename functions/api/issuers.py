"""Issuers of identity tokens, their policies, and the token endpoint (platform.md 10)."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from msgspec import UNSET

from common.core.clock import from_millis
from common.sign_in.workload_identity import policies, service, token_endpoint
from common.sign_in.workload_identity.language.statements import Sent
from common.sign_in.workload_identity.model import Change, Issuer, Registration, Statement, TokenType
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
from functions.http.bodies import BodyDep
from functions.http.deps import JSON, BackendDep, CallerDep, DocumentBodyDep, client_address, empty, reply

router = APIRouter()
_ISSUERS = "/api/orgs/{org}/oidc/issuers"
_ISSUER = f"{_ISSUERS}/{{issuer_id}}"


async def get_with_keys(request: Request) -> bool:
    """Return whether the client can read a standard JWKS: the vendor's SDK, which accepts plain JSON, cannot."""
    return JSON not in request.headers.get("accept", "").lower()


WithKeysDep = Annotated[bool, Depends(get_with_keys)]


@router.post("/api/oauth/token")
def exchange_token(request: Request, backend: BackendDep, body: BodyDep) -> Response:
    status, answer = token_endpoint.answer(backend, body.text, client=client_address(request))
    # RFC 6749, 5.1: what holds tokens is not to be kept by anything between.
    return Response(msgspec.json.encode(answer), status, {"Cache-Control": "no-store"}, media_type=JSON)


@router.get(_ISSUERS)
def list_issuers(backend: BackendDep, caller: CallerDep, org: str, with_keys: WithKeysDep) -> Response:
    found = service.list_issuers(backend, caller, org)
    return reply(ListOidcIssuersResponse([_issuer(one, with_keys=with_keys) for one in found]))


@router.post(_ISSUERS)
def register_issuer(backend: BackendDep, caller: CallerDep, org: str, body: DocumentBodyDep, with_keys: WithKeysDep) -> Response:
    asked = body.decode(OidcIssuerRegistrationRequest)
    wanted = Registration(asked.name or "", asked.url or "", tuple(asked.thumbprints or ()), asked.max_expiration, asked.jwks)
    return reply(_issuer(service.register(backend, caller, org, wanted), with_keys=with_keys))


@router.get(_ISSUER)
def get_issuer(backend: BackendDep, caller: CallerDep, org: str, issuer_id: str, with_keys: WithKeysDep) -> Response:
    return reply(_issuer(service.get_issuer(backend, caller, org, issuer_id), with_keys=with_keys))


@router.patch(_ISSUER)
def update_issuer(
    backend: BackendDep,
    caller: CallerDep,
    org: str,
    issuer_id: str,
    body: DocumentBodyDep,
    with_keys: WithKeysDep,
) -> Response:
    asked = body.decode(OidcIssuerUpdateRequest)
    wanted = Change(asked.name or "", tuple(asked.thumbprints or ()), asked.max_expiration, asked.jwks)
    return reply(_issuer(service.update(backend, caller, org, issuer_id, wanted), with_keys=with_keys))


@router.delete(_ISSUER)
def delete_issuer(backend: BackendDep, caller: CallerDep, org: str, issuer_id: str) -> Response:
    service.delete(backend, caller, org, issuer_id)
    return empty()


@router.post(f"{_ISSUER}/regenerate-thumbprints")
def regenerate_thumbprints(backend: BackendDep, caller: CallerDep, org: str, issuer_id: str, with_keys: WithKeysDep) -> Response:
    return reply(_issuer(service.regenerate_thumbprints(backend, caller, org, issuer_id), with_keys=with_keys))


@router.get("/api/orgs/{org}/auth/policies/oidcissuers/{issuer_id}")
def get_policy(backend: BackendDep, caller: CallerDep, org: str, issuer_id: str) -> Response:
    return reply(_policy(policies.get_policy(backend, caller, org, issuer_id)))


@router.patch("/api/orgs/{org}/auth/policies/{policy_id}")
def update_policy(backend: BackendDep, caller: CallerDep, org: str, policy_id: str, body: DocumentBodyDep) -> Response:
    asked = body.decode(AuthPolicyUpdateRequest)
    sent = [_sent(one) for one in asked.policies or ()]
    return reply(_policy(policies.replace_policy(backend, caller, org, policy_id, sent)))


def _sent(asked: AuthPolicyDefinitionRequest) -> Sent:
    return Sent(
        decision=asked.decision or "",
        token_type=asked.token_type or "",
        team_name=asked.team_name or "",
        user_login=asked.user_login or "",
        runner_id=asked.runner_id or "",
        role_id=asked.role_id or "",
        permissions=asked.authorized_permissions or (),
        rules=asked.rules or {},
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
    def named(token_type: TokenType) -> str | msgspec.UnsetType:
        return statement.target if statement.token_type is token_type else UNSET

    return AuthPolicyDefinition(
        decision=statement.decision,
        token_type=statement.token_type,
        authorized_permissions=list(statement.levels),
        rules=statement.rules,
        team_name=named(TokenType.TEAM),
        user_login=named(TokenType.PERSONAL),
        runner_id=named(TokenType.RUNNER),
        role_id=statement.role_id or UNSET,
    )
