"""What clients ask before they do anything: capabilities, versions, health, the API's description."""

from fastapi import APIRouter, Request, Response

from common.core.clock import from_millis
from common.installation import doctor, readiness
from common.installation.model import Report
from common.wire.capabilities import (
    APICapabilityConfig,
    CapabilitiesResponse,
    CLIVersionResponse,
    ServiceCheck,
    ServiceReport,
    ServiceStatus,
)
from functions.http import openapi
from functions.http.deps import BackendDep, get_caller, reply

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
def service_status(backend: BackendDep, request: Request) -> Response:
    # `?deep`: site administrators get the doctor's checks. The plain call needs no token, so the caller is not a dependency.
    if "deep" in request.query_params:
        return reply(service_report(doctor.get_report(backend, get_caller(request))))
    return reply(readiness.ready(backend))


def service_report(report: Report) -> ServiceReport:
    """Return the wire shape of the doctor's report."""
    checks = [ServiceCheck(check.name, check.outcome, list(check.lines)) for check in report.checks]
    return ServiceReport(report.outcome, f"{from_millis(report.made_at):%Y-%m-%dT%H:%M:%SZ}", checks)


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
async def alive() -> Response:
    return reply(ServiceStatus("ok"))


@router.get("/api/openapi/pulumi-spec.json")
def fetch_rest_specification() -> Response:
    return reply(openapi.document())
