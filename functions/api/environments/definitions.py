"""Environments: create, list, read, save, copy, delete and restore them; their settings and owner."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from msgspec import UNSET

from common.environments.model import DEFAULT_PROJECT, EnvironmentPath, oidc_subject
from common.environments.service import attributes, cloning, definitions, listing
from common.environments.service.attributes import Metadata
from common.environments.service.cloning import CloneRequest
from common.environments.service.definitions import SavedRevision
from common.environments.service.listing import PAGE_DEFAULT
from common.wire import environments as wire
from common.wire.change_requests import ChangeRequestRef
from common.wire.transfer import NewOwner
from functions.api.environments.shapes import (
    CiphertextsBodyDep,
    DefinitionBodyDep,
    EnvironmentPathDep,
    MaxResults,
    PlaintextsBodyDep,
    PreconditionDep,
    Token,
    definition_reply,
    environments_page,
    revision_headers,
    user_info,
)
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, empty, reply

router = APIRouter()
ENVIRONMENTS = "/api/esc/environments"
_ORG = f"{ENVIRONMENTS}/{{org}}"
_E = f"{_ORG}/{{project}}/{{environment}}"
CountsReferrers = Annotated[bool, Query(alias="includeReferrerMetadata")]


@router.get(ENVIRONMENTS)
def list_environments(
    backend: BackendDep,
    caller: CallerDep,
    organization: str | None = None,
    token: Token = None,
    limit: MaxResults = PAGE_DEFAULT,
) -> Response:
    return reply(environments_page(listing.page_environments(backend, caller, organization or None, token, limit)))


@router.get(_ORG)
def list_org_environments(
    backend: BackendDep,
    caller: CallerDep,
    org: str,
    token: Token = None,
    limit: MaxResults = PAGE_DEFAULT,
    *,
    counts_referrers: CountsReferrers = False,
) -> Response:
    page = listing.page_environments(backend, caller, org, token, limit, counts_referrers=counts_referrers)
    return reply(environments_page(page))


@router.post(_ORG)
def create_environment(backend: BackendDep, caller: CallerDep, org: str, body: BodyDep) -> Response:
    request = body.decode(wire.CreateEnvironmentRequest)
    definitions.create(backend, caller, org, request.project or DEFAULT_PROJECT, request.name)
    return empty(200)


@router.get(f"{_ORG}/restore")
def list_deleted_environments(backend: BackendDep, caller: CallerDep, org: str, token: Token = None) -> Response:
    return reply(environments_page(listing.page_deleted(backend, caller, org, token)))


@router.put(f"{_ORG}/restore")
def restore_environment(backend: BackendDep, caller: CallerDep, org: str, body: BodyDep) -> Response:
    request = body.decode(wire.RestoreEnvironmentRequest)
    path = EnvironmentPath(org, request.project or DEFAULT_PROJECT, request.name)
    listing.restore(backend, caller, path, request.deletion_timestamp)
    return empty()


@router.get(f"{_ORG}/tags")
def list_all_environment_tags(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    return reply(listing.list_tags(backend, caller, org))


# The command line asks this way whether an environment exists, so nothing is read and nothing is recorded.
@router.head(_E)
def head_environment(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep) -> Response:
    return definition_reply(definitions.find_head(backend, caller, path))


@router.get(_E)
def read_environment(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep) -> Response:
    return definition_reply(definitions.get(backend, caller, path))


@router.patch(_E)
def update_environment(
    backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, precondition: PreconditionDep, body: DefinitionBodyDep
) -> Response:
    return _saved(definitions.update(backend, caller, path, body.text, precondition))


@router.delete(_E)
def delete_environment(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep) -> Response:
    definitions.delete(backend, caller, path)
    return empty(200)


@router.get(f"{_E}/decrypt")
def decrypt_environment(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep) -> Response:
    return definition_reply(definitions.decrypt(backend, caller, path))


@router.post(f"{_E}/clone")
def clone_environment(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, body: BodyDep) -> Response:
    cloning.clone(backend, caller, path, _clone_request(body.decode(wire.CloneEnvironmentRequest)))
    return empty()


@router.get(f"{_E}/metadata")
def get_environment_metadata(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep) -> Response:
    return reply(_metadata(attributes.get_metadata(backend, caller, path)))


@router.get(f"{_E}/settings")
def get_environment_settings(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep) -> Response:
    return reply(wire.EnvironmentSettings(attributes.is_deletion_protected(backend, caller, path)))


@router.patch(f"{_E}/settings")
def update_environment_settings(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, body: BodyDep) -> Response:
    request = body.decode(wire.PatchEnvironmentSettingsRequest)
    attributes.update_protection(backend, caller, path, is_protected=request.deletion_protected)
    return empty(200)


@router.post(f"{_E}/ownership")
def reassign_environment_ownership(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, body: BodyDep) -> Response:
    return reply(user_info(attributes.update_owner(backend, caller, path, body.decode(NewOwner).github_login)))


@router.post(f"{_E}/encrypt-secrets")
def encrypt_environment_secrets(
    backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, body: PlaintextsBodyDep
) -> Response:
    request = body.decode(wire.EncryptEnvironmentSecretsRequest)
    ciphertexts = attributes.encrypt_secrets(backend, caller, path, request.plaintexts)
    return reply(wire.EncryptEnvironmentSecretsResponse(ciphertexts))


@router.post(f"{_E}/decrypt-secrets")
def decrypt_environment_secrets(
    backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, body: CiphertextsBodyDep
) -> Response:
    request = body.decode(wire.DecryptEnvironmentSecretsRequest)
    plaintexts = attributes.decrypt_secrets(backend, caller, path, request.ciphertexts)
    return reply(wire.DecryptEnvironmentSecretsResponse(plaintexts))


def _saved(saved: SavedRevision) -> Response:
    shape = wire.UpdateEnvironmentResponse(list(saved.warnings) if saved.warnings else UNSET)
    response = reply(shape)
    response.headers.update(revision_headers(saved.number, saved.etag))
    return response


def _clone_request(request: wire.CloneEnvironmentRequest) -> CloneRequest:
    return CloneRequest(
        request.project or "",
        request.name,
        request.version,
        keeps_history=bool(request.preserve_history),
        keeps_access=bool(request.preserve_access),
        keeps_tags=bool(request.preserve_environment_tags),
        keeps_revision_tags=bool(request.preserve_revision_tags),
    )


def _metadata(metadata: Metadata) -> wire.EnvironmentMetadata:
    request = metadata.change_request
    return wire.EnvironmentMetadata(
        metadata.environment.id,
        user_info(metadata.owner),
        open_request_needed=metadata.open_request_needed,
        gated_actions=list(metadata.gated_actions) or UNSET,
        active_change_request=ChangeRequestRef(request.id, request.latest) if request is not None else UNSET,
        managed_by_stack=metadata.managed_by or UNSET,
        oidc_subject=oidc_subject(metadata.environment.org_id, metadata.environment.id),
    )
