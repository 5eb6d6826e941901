"""The catalogues of providers and rotators, and the schema of `context`."""

import msgspec
from fastapi import APIRouter, Response

from common.environments.language.environment import to_wire
from common.environments.language.schemas.schema import AnySchema
from common.environments.service import catalogues
from common.environments.service.catalogues import ListedProvider
from common.wire.environments import ListProvidersResponse, ListRotatorsResponse
from functions.http.deps import BackendDep, CallerDep, reply

router = APIRouter()


class ProviderSchema(msgspec.Struct):
    """Upstream: ProviderSchema."""

    name: str
    description: str
    inputs: AnySchema
    outputs: AnySchema


class ContextSchema(msgspec.Struct):
    """Upstream: ContextSchema."""

    schema: AnySchema


@router.get("/api/esc/providers")
def list_providers(caller: CallerDep) -> Response:
    return reply(ListProvidersResponse(catalogues.list_providers(caller)))


@router.get("/api/esc/providers/{name}/schema")
def get_provider_schema(backend: BackendDep, caller: CallerDep, name: str) -> Response:
    return reply(_schema(catalogues.get_provider(backend, caller, name)))


@router.get("/api/esc/rotators")
def list_rotators(caller: CallerDep) -> Response:
    return reply(ListRotatorsResponse(catalogues.list_rotators(caller)))


@router.get("/api/esc/rotators/{name}/schema")
def get_rotator_schema(backend: BackendDep, caller: CallerDep, name: str) -> Response:
    return reply(_schema(catalogues.get_rotator(backend, caller, name)))


@router.get("/api/esc/context/schema")
def get_context_schema(caller: CallerDep) -> Response:
    return reply(to_wire(ContextSchema(catalogues.context_schema(caller))))


def _schema(provider: ListedProvider) -> bytes:
    return to_wire(ProviderSchema(provider.name, provider.description, provider.inputs, provider.outputs))
