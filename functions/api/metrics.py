"""Metrics for Prometheus."""

from fastapi import APIRouter, Request, Response

from common.installation import measurements
from common.telemetry.prometheus import CONTENT_TYPE
from functions.http.deps import BackendDep

router = APIRouter()


@router.get("/metrics")
def metrics(request: Request, backend: BackendDep) -> Response:
    return Response(measurements.metrics_text(backend, request.headers.get("authorization", "")), media_type=CONTENT_TYPE)
