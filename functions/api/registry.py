"""Templates and packages, as `pulumi new` and `pulumi package` ask for them."""

from fastapi import APIRouter, Response

from common.registry import service as registry
from functions.http.deps import CallerDep, reply

router = APIRouter()
_NAMED = "{source}/{publisher}/{name}/versions/{version}"


@router.get("/api/registry/templates")
def list_templates(caller: CallerDep) -> Response:
    return reply(registry.list_templates(caller))


@router.get("/api/registry/packages")
def list_packages(caller: CallerDep) -> Response:
    return reply(registry.list_packages(caller))


@router.get(f"/api/registry/templates/{_NAMED}")
def get_template_version(caller: CallerDep, source: str, publisher: str, name: str, version: str) -> Response:
    return registry.get_template_version(caller, f"{source}/{publisher}/{name}", version)


@router.get(f"/api/registry/packages/{_NAMED}")
def get_package_version(caller: CallerDep, source: str, publisher: str, name: str, version: str) -> Response:
    return registry.get_package_version(caller, f"{source}/{publisher}/{name}", version)


@router.get("/api/orgs/{org}/templates")
def get_org_templates(caller: CallerDep, org: str) -> Response:
    return reply(registry.list_org_templates(caller, org))


@router.get("/api/orgs/{org}/template/download")
def get_org_template_download(caller: CallerDep, org: str) -> Response:
    return registry.download_org_template(caller, org)
