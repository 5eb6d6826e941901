"""What this server publishes as an OpenID Connect issuer; anyone may read it, and relying parties keep it for a while."""

from fastapi import APIRouter, Response

from common.oidc_issuer import service
from common.oidc_issuer.model import Issuer
from functions.http.deps import BackendDep, reply

router = APIRouter()
_METADATA, _KEYS = ".well-known/openid-configuration", ".well-known/jwks"
_CACHE = {"Cache-Control": "public, max-age=300"}


@router.get(f"/oidc/{_METADATA}")
def get_login_metadata(backend: BackendDep) -> Response:
    return _public(service.get_metadata(backend, Issuer.LOGIN))


@router.get(f"/oidc/{_KEYS}")
def get_login_keys(backend: BackendDep) -> Response:
    return _public(service.get_key_set(backend, Issuer.LOGIN))


@router.get(f"/oidc/v2/{_METADATA}")
def get_audience_metadata(backend: BackendDep) -> Response:
    return _public(service.get_metadata(backend, Issuer.AUDIENCE))


@router.get(f"/oidc/v2/{_KEYS}")
def get_audience_keys(backend: BackendDep) -> Response:
    return _public(service.get_key_set(backend, Issuer.AUDIENCE))


def _public(document: dict[str, object]) -> Response:
    response = reply(document)
    response.headers.update(_CACHE)
    return response
