"""Policy packs of an organization, and their archives (platform.md 12)."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from msgspec import UNSET

from common.core.errors import NotFound
from common.policies.packs import model
from common.policies.packs import service as packs
from common.policies.packs.model import LATEST, NewPack, PackVersion, raw_or_unset
from common.stacks import policy_archives
from common.wire.policies import (
    CreatePolicyPackResponse,
    GetPolicyPackConfigSchemaResponse,
    GetPolicyPackResponse,
    GetRegistryPolicyPackVersionResponse,
    ListPolicyPacksResponse,
    ListRegistryPolicyPacksRequest,
    ListRegistryPolicyPacksResponse,
    PolicyPackWithVersions,
)
from functions.http.bodies import ARCHIVE, Body, BodyDep, BodyReader
from functions.http.deps import BackendDep, CallerDep, DocumentBodyDep, empty, reply
from functions.http.shapes import pack_policy_shape, registry_pack_shape

router = APIRouter()
_PACKS = "/api/orgs/{org}/policypacks"
_PACK = f"{_PACKS}/{{pack}}"
_VERSION = f"{_PACK}/versions/{{version}}"
_REGISTRY_VERSIONS = "/api/registry/policypacks/{source}/{org}/{pack}/versions"
_PRIVATE = "private"
_ARCHIVE = "/api/policy-archives/{signed}"


def get_upload(backend: BackendDep, signed: str) -> str:
    """Return the key that the address accepts an archive for; Forbidden unless it was signed for that and has not expired."""
    return policy_archives.require_upload(backend, signed)


def require_private(source: str, _caller: CallerDep) -> None:
    """Raise NotFound for a source other than the packs of organizations: there is no catalog of others."""
    if source != _PRIVATE:
        raise NotFound(f"there are no policy packs of source {source[:100]!a}; use {_PRIVATE}")


UploadDep = Annotated[str, Depends(get_upload)]
ArchiveBodyDep = Annotated[Body, Depends(BodyReader(ARCHIVE))]


@router.get(_PACKS)
def list_policy_packs_orgs(
    backend: BackendDep, caller: CallerDep, org: str, name: Annotated[str | None, Query(alias="policypack")] = None
) -> Response:
    return reply(ListPolicyPacksResponse([_pack(pack) for pack in packs.list_packs(backend, caller, org, name)]))


@router.post(_PACKS)
def create_policy_pack(backend: BackendDep, caller: CallerDep, org: str, body: DocumentBodyDep) -> Response:
    upload = packs.create_version(backend, caller, org, body.decode(NewPack), body.text.decode())
    return reply(CreatePolicyPackResponse(upload.version, upload.url, upload.headers or UNSET), 201)


@router.delete(_PACK)
def delete_policy_pack_orgs_policypacks(backend: BackendDep, caller: CallerDep, org: str, pack: str) -> Response:
    packs.delete_pack(backend, caller, org, pack)
    return empty(200)


@router.get(f"{_PACK}/latest")
def get_latest_policy_pack(backend: BackendDep, caller: CallerDep, org: str, pack: str) -> Response:
    return reply(_details(packs.get_version(backend, caller, org, pack)))


@router.get(_VERSION)
def get_policy_pack(backend: BackendDep, caller: CallerDep, org: str, pack: str, version: str) -> Response:
    return reply(_details(packs.get_version(backend, caller, org, pack, version)))


@router.delete(_VERSION)
def delete_policy_pack(backend: BackendDep, caller: CallerDep, org: str, pack: str, version: str) -> Response:
    packs.delete_version(backend, caller, org, pack, version)
    return empty(200)


@router.post(f"{_VERSION}/complete")
def complete_policy_pack(backend: BackendDep, caller: CallerDep, org: str, pack: str, version: str) -> Response:
    packs.complete_version(backend, caller, org, pack, version)
    return empty()


@router.get(f"{_VERSION}/schema")
def get_policy_pack_config_schema(backend: BackendDep, caller: CallerDep, org: str, pack: str, version: str) -> Response:
    policies = packs.get_version(backend, caller, org, pack, version).policies
    return reply(
        GetPolicyPackConfigSchemaResponse(
            {policy.name: schema for policy in policies if (schema := raw_or_unset(policy.config_schema)) is not UNSET}
        )
    )


@router.get("/api/orgs/{org}/registry/policypacks/{pack}")
def get_org_registry_policy_pack(backend: BackendDep, caller: CallerDep, org: str, pack: str, tag: str = LATEST) -> Response:
    version = packs.get_version(backend, caller, org, pack, tag or LATEST)
    shape = registry_pack_shape(version, org)
    return reply(GetRegistryPolicyPackVersionResponse(shape, [pack_policy_shape(policy) for policy in version.policies]))


@router.get("/api/registry/policypacks")
def list_policy_packs(
    backend: BackendDep,
    caller: CallerDep,
    org: Annotated[str, Query(alias="orgLogin")] = "",
    access: Annotated[list[str] | None, Query()] = None,
) -> Response:
    return _registry_packs(backend, caller, org, access, None)


@router.post("/api/registry/policypacks")
def list_policy_packs_post(backend: BackendDep, caller: CallerDep, body: BodyDep) -> Response:
    request = body.decode(ListRegistryPolicyPacksRequest)
    access = [request.access] if isinstance(request.access, str) else request.access
    return _registry_packs(backend, caller, request.org_login or "", access, request.ids)


@router.get(_REGISTRY_VERSIONS, dependencies=[Depends(require_private)])
def list_policy_pack_versions_for_registry(backend: BackendDep, caller: CallerDep, org: str, pack: str) -> Response:
    versions = packs.list_versions(backend, caller, org, pack)
    return reply(ListRegistryPolicyPacksResponse([registry_pack_shape(version, org) for version in versions]))


@router.get(f"{_REGISTRY_VERSIONS}/{{version}}", dependencies=[Depends(require_private)])
def get_policy_pack_version_for_registry(backend: BackendDep, caller: CallerDep, org: str, pack: str, version: str) -> Response:
    found = packs.get_version(backend, caller, org, pack, version)
    return reply(
        GetRegistryPolicyPackVersionResponse(
            registry_pack_shape(found, org), [pack_policy_shape(policy) for policy in found.policies]
        )
    )


@router.put(_ARCHIVE)
def upload_archive(backend: BackendDep, key: UploadDep, body: ArchiveBodyDep) -> Response:
    policy_archives.store(backend, key, body.stored)
    return empty(200)


@router.get(_ARCHIVE)
def download_archive(backend: BackendDep, signed: str) -> Response:
    return Response(policy_archives.load(backend, signed), media_type="application/gzip")


def _registry_packs(
    backend: BackendDep, caller: CallerDep, org: str, access: Sequence[str] | None, ids: list[str] | None
) -> Response:
    # Upstream's catalog has packs of others too; here there are the organization's own, which are all private and added.
    newest = packs.list_newest(backend, caller, org or caller.home)
    shapes = [registry_pack_shape(version, org or caller.home) for version in newest if ids is None or version.id in ids]
    return reply(ListRegistryPolicyPacksResponse(shapes if access is None or set(access) != {"available"} else []))


def _pack(pack: model.Pack) -> PolicyPackWithVersions:
    numbers, tags = [version.version for version in pack.versions], [version.tag for version in pack.versions]
    return PolicyPackWithVersions(pack.name, pack.display_name, numbers, tags)


def _details(version: PackVersion) -> GetPolicyPackResponse:
    return GetPolicyPackResponse(
        version.name,
        version.display_name,
        version.version,
        version.tag,
        [pack_policy_shape(policy) for policy in version.policies],
        version.is_applied,
    )
