"""Anonymous environments, as every command sends them for a stack with environments (esc.md 4.12)."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.environments import service as environments
from common.wire.environments import EnvironmentResponse, OpenEnvironmentResponse
from functions.http.deps import BackendDep, CallerDep, DocumentBodyDep, reply

router = APIRouter()
PropertyPath = Annotated[str | None, Query(alias="property")]
_YAML = "/api/esc/environments/{org}/yaml"


@router.post(f"{_YAML}/check")
def check_yaml(caller: CallerDep, org: str, body: DocumentBodyDep) -> Response:
    environments.check_yaml(caller, org, body.text)
    return reply(EnvironmentResponse())


@router.post(f"{_YAML}/open")
def open_yaml(backend: BackendDep, caller: CallerDep, org: str, body: DocumentBodyDep, duration: str | None = None) -> Response:
    return reply(OpenEnvironmentResponse(environments.open_yaml(backend, caller, org, body.text, duration)))


# The vendor's ESC SDK puts two slashes before the id; they arrive here as one.
@router.get(f"{_YAML}/open/{{session_id}}")
def read_open_yaml(backend: BackendDep, caller: CallerDep, org: str, session_id: str, path: PropertyPath = None) -> Response:
    environments.read_open_yaml(backend, caller, org, session_id, path)
    return reply(EnvironmentResponse())
