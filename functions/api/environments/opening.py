"""Checks and opens environments, stored ones and documents that every command sends for a stack with environments."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.environments.service import opening
from common.environments.service.opening import Document
from common.wire.environments import OpenEnvironmentResponse
from functions.api.environments.shapes import EnvironmentPathDep, PropertyPath, ShowSecrets
from functions.http.deps import BackendDep, CallerDep, DocumentBodyDep, reply

router = APIRouter()
_ORG = "/api/esc/environments/{org}"
_YAML = f"{_ORG}/yaml"
_E = f"{_ORG}/{{project}}/{{environment}}"
Overrides = Annotated[str | None, Query(alias="environmentOverrides")]


@router.post(f"{_YAML}/check")
def check_yaml(
    backend: BackendDep, caller: CallerDep, org: str, body: DocumentBodyDep, *, shows_secrets: ShowSecrets = False
) -> Response:
    return reply(opening.check_yaml(backend, caller, org, Document(body.text), shows_secrets=shows_secrets))


@router.post(f"{_YAML}/open")
def open_yaml(
    backend: BackendDep,
    caller: CallerDep,
    org: str,
    body: DocumentBodyDep,
    duration: str | None = None,
    overrides: Overrides = None,
) -> Response:
    return reply(OpenEnvironmentResponse(opening.open_yaml(backend, caller, org, Document(body.text, overrides), duration)))


# The vendor's ESC SDK puts two slashes before the id; they arrive here as one.
@router.get(f"{_YAML}/open/{{session_id}}")
def read_open_yaml(backend: BackendDep, caller: CallerDep, org: str, session_id: str, path: PropertyPath = None) -> Response:
    return reply(opening.read_open_yaml(backend, caller, org, session_id, path))


@router.post(f"{_E}/check")
def check_environment(
    backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, *, shows_secrets: ShowSecrets = False
) -> Response:
    return reply(opening.check(backend, caller, path, shows_secrets=shows_secrets))


@router.post(f"{_E}/open")
def open_environment(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, duration: str | None = None) -> Response:
    return reply(OpenEnvironmentResponse(opening.open_environment(backend, caller, path, duration=duration)))


@router.get(f"{_E}/open/{{session_id}}")
def read_open_environment(
    backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, session_id: str, property_path: PropertyPath = None
) -> Response:
    return reply(opening.read_open(backend, caller, path, session_id, property_path))


@router.post(f"{_E}/versions/{{version}}/check")
def check_revision(
    backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, version: str, *, shows_secrets: ShowSecrets = False
) -> Response:
    return reply(opening.check(backend, caller, path, version, shows_secrets=shows_secrets))


@router.post(f"{_E}/versions/{{version}}/open")
def open_revision(
    backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, version: str, duration: str | None = None
) -> Response:
    return reply(OpenEnvironmentResponse(opening.open_environment(backend, caller, path, version, duration)))
