"""The token with which an organization's directory calls (functions/api/scim/routes.py): told of, made, revoked."""

from fastapi import APIRouter, Response
from msgspec import UNSET

from common.core.clock import from_millis
from common.sign_in.scim.service import tokens
from common.sign_in.scim.service.tokens import Connected
from common.wire.scim import CreateScimTokenResponse, ScimToken
from functions.http.deps import BackendDep, CallerDep, empty, reply

router = APIRouter()
_TOKEN = "/api/orgs/{org}/scim/token"  # noqa: S105 - an address


@router.get(_TOKEN)
def get_scim_token(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    return reply(_shape(tokens.get(backend, caller, org)))


@router.post(_TOKEN)
def create_scim_token(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    issued = tokens.create(backend, caller, org)
    return reply(CreateScimTokenResponse(issued.base_url, issued.text), 201)


@router.delete(_TOKEN)
def delete_scim_token(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    tokens.delete(backend, caller, org)
    return empty()


def _shape(found: Connected) -> ScimToken:
    note = found.token
    if note is None:
        return ScimToken(found.base_url, exists=False)
    return ScimToken(
        found.base_url,
        exists=True,
        created_by=note.created_by,
        created=from_millis(note.created_at),
        last_used=from_millis(note.last_used_at) if note.last_used_at is not None else UNSET,
    )
