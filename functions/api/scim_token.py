"""The token that an organization's directory calls functions/api/scim/routes.py with: get, create and delete it."""

from fastapi import APIRouter, Response
from msgspec import UNSET

from common.core.clock import from_millis
from common.sign_in.scim.service import tokens
from common.sign_in.scim.service.tokens import TokenStatus
from common.wire.scim import CreateScimTokenResponse, ScimToken
from functions.http.deps import BackendDep, CallerDep, empty, reply

router = APIRouter()
_TOKEN = "/api/orgs/{org}/scim/token"  # noqa: S105 - an address


@router.get(_TOKEN)
def get_scim_token(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    return reply(_shape(tokens.get(backend, caller, org)))


@router.post(_TOKEN)
def create_scim_token(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    token = tokens.create(backend, caller, org)
    return reply(CreateScimTokenResponse(token.base_url, token.text), 201)


@router.delete(_TOKEN)
def delete_scim_token(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    tokens.delete(backend, caller, org)
    return empty()


def _shape(status: TokenStatus) -> ScimToken:
    token = status.token
    if token is None:
        return ScimToken(status.base_url, exists=False)
    return ScimToken(
        status.base_url,
        exists=True,
        created_by=token.created_by,
        created=from_millis(token.created_at),
        last_used=from_millis(token.last_used_at) if token.last_used_at is not None else UNSET,
    )
