"""What clients ask before they do anything: capabilities, versions, health, the API's description."""

from fastapi import APIRouter, Response

from common.installation import readiness
from common.wire.capabilities import APICapabilityConfig, CapabilitiesResponse, CLIVersionResponse, ServiceStatus
from functions.http import openapi
from functions.http.deps import BackendDep, reply

router = APIRouter()

# Left out on purpose: delta uploads (a defect of the client makes them lose state, state.md 5.4), coherence windows and
# everything that calls an AI service. Without `stack-policy-packs` the required packs travel in the reply that creates
# the update, which saves a request per update.
CAPABILITIES = CapabilitiesResponse(
    [
        APICapabilityConfig("batch-encrypt", 1),
        APICapabilityConfig("deployment-schema-version", 1, {"version": 4}),
        APICapabilityConfig("begin-update", 1),
        APICapabilityConfig("stack-outputs", 1),
        APICapabilityConfig("api-version", 1, {"minVersion": 8, "maxVersion": 9, "defaultVersion": 8}),
    ],
)
# The newest client this release is tested with, and the oldest one with calls that it still knows. Only clients up to 3.169
# ask their own backend (state.md 2.5).
CLI_VERSIONS = CLIVersionResponse(latest_version="3.276.0", oldest_without_warning="3.100.0", latest_dev_version="")


@router.get("/api/capabilities")
async def capabilities() -> Response:
    return reply(CAPABILITIES)


@router.get("/api/cli/version")
async def version() -> Response:
    return reply(CLI_VERSIONS)


@router.head("/api/status", include_in_schema=False)
@router.get("/api/status")
def service_status(backend: BackendDep) -> Response:
    return reply(readiness.ready(backend))


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
async def alive() -> Response:
    return reply(ServiceStatus("ok"))


@router.get("/api/openapi/pulumi-spec.json")
def fetch_rest_specification() -> Response:
    return reply(openapi.document())
