"""Templates and packages, as `pulumi new` and `pulumi package` request them."""

from fastapi import APIRouter, Response

from common.registry import service as registry
from common.wire.registry import (
    GetOrgTemplateSourcesResponse,
    GetOrgTemplatesResponse,
    ListPackagesResponse,
    ListTemplatesResponse,
)
from functions.http.deps import CallerDep, reply

router = APIRouter()
_NAMED = "{source}/{publisher}/{name}/versions/{version}"


@router.get("/api/registry/templates")
def list_templates(caller: CallerDep) -> Response:
    return reply(ListTemplatesResponse(list(registry.list_templates(caller))))


@router.get("/api/registry/packages")
def list_packages(caller: CallerDep) -> Response:
    return reply(ListPackagesResponse(list(registry.list_packages(caller))))


@router.get(f"/api/registry/templates/{_NAMED}")
def get_template_version(caller: CallerDep, source: str, publisher: str, name: str, version: str) -> Response:
    return registry.get_template_version(caller, f"{source}/{publisher}/{name}", version)


@router.get(f"/api/registry/packages/{_NAMED}")
def get_package_version(caller: CallerDep, source: str, publisher: str, name: str, version: str) -> Response:
    return registry.get_package_version(caller, f"{source}/{publisher}/{name}", version)


@router.get("/api/orgs/{org}/templates")
def get_org_templates(caller: CallerDep, org: str) -> Response:
    templates = registry.list_org_templates(caller, org)
    return reply(
        GetOrgTemplatesResponse(
            templates={source: list(published) for source, published in templates.items()},
            org_has_templates=bool(templates),
            has_access_error=False,
            has_upstream_error=False,
        )
    )


@router.get("/api/orgs/{org}/templates/sources")
def list_org_template_sources(caller: CallerDep, org: str) -> Response:
    return reply(GetOrgTemplateSourcesResponse(registry.list_org_template_sources(caller, org)))


@router.get("/api/orgs/{org}/template/download")
def get_org_template_download(caller: CallerDep, org: str) -> Response:
    return registry.download_org_template(caller, org)
