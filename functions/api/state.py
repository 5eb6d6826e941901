"""A stack's state: export, import, outputs, rename, single resources."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from msgspec import UNSET, Raw

from common.stacks.model import Stack, StackPath
from common.stacks.service import lifecycle
from common.stacks.state import service as state
from common.wire.stacks import (
    ImportStackResponse,
    ResourceCount,
    StackOutputs,
    StackReference,
    StackReferences,
    StackRenameRequest,
    StackResource,
    StackResources,
)
from functions.http.bodies import BodyDep, StateBodyDep
from functions.http.deps import BackendDep, CallerDep, StackPathDep, reply
from functions.http.shapes import resource_info, stored_reply

router = APIRouter()
_STACK = "/api/stacks/{org}/{project}/{stack}"


def _require_import(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Stack:
    """Return the stack before the body is read: an upload without the permission is rejected at its first byte."""
    return state.require_import(backend, caller, path)


ImportStackDep = Annotated[Stack, Depends(_require_import)]


@router.get(f"{_STACK}/export")
def export_stack(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Response:
    return stored_reply(state.export(backend, caller, path), lambda: state.export_link(backend, caller, path, None))


@router.get(f"{_STACK}/export/{{version}}")
def export_stack_at_version(backend: BackendDep, caller: CallerDep, path: StackPathDep, version: int) -> Response:
    return stored_reply(
        state.export_version(backend, caller, path, version), lambda: state.export_link(backend, caller, path, version)
    )


@router.post(f"{_STACK}/import")
def import_stack(
    backend: BackendDep,
    caller: CallerDep,
    stack: ImportStackDep,
    body: StateBodyDep,
) -> Response:
    return reply(ImportStackResponse(state.import_state(backend, caller, stack, body.text)))


@router.get(f"{_STACK}/outputs")
def get_stack_outputs(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Response:
    outputs = state.get_outputs(backend, caller, path)
    texts = (outputs.outputs, outputs.secrets_providers)
    return reply(StackOutputs(*(Raw(text) if text is not None else UNSET for text in texts)))


@router.post(f"{_STACK}/rename")
def rename_stack(backend: BackendDep, caller: CallerDep, path: StackPathDep, body: BodyDep) -> Response:
    request = body.decode(StackRenameRequest)
    return reply(ImportStackResponse(lifecycle.rename(backend, caller, path, request.new_name, request.new_project)))


@router.get(f"{_STACK}/resources/count")
def get_stack_resource_count(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Response:
    version, count = state.count_resources(backend, caller, path)
    return reply(ResourceCount(count, version))


@router.get(f"{_STACK}/resources/latest")
def get_latest_stack_resources(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Response:
    return _resources(backend, caller, path, None)


@router.get(f"{_STACK}/resources/{{version}}")
def get_stack_resources(backend: BackendDep, caller: CallerDep, path: StackPathDep, version: int) -> Response:
    return _resources(backend, caller, path, version)


@router.get(f"{_STACK}/resources/latest/{{urn:path}}")
def get_latest_stack_resource(backend: BackendDep, caller: CallerDep, path: StackPathDep, urn: str) -> Response:
    return _resource(backend, caller, path, None, urn)


@router.get(f"{_STACK}/resources/{{version}}/{{urn:path}}")
def get_stack_resource(backend: BackendDep, caller: CallerDep, path: StackPathDep, version: int, urn: str) -> Response:
    return _resource(backend, caller, path, version, urn)


@router.get(f"{_STACK}/downstreamreferences")
def list_downstream_references(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Response:
    return _references(state.list_downstream_references(backend, caller, path))


@router.get(f"{_STACK}/upstreamreferences")
def list_upstream_references(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Response:
    return _references(state.list_upstream_references(backend, caller, path))


def _references(references: list[tuple[StackPath, int]]) -> Response:
    shapes = [StackReference(path.org, path.project, path.name, version) for path, version in references]
    return reply(StackReferences(shapes))


def _resources(backend: BackendDep, caller: CallerDep, path: StackPathDep, version: int | None) -> Response:
    number, resources = state.list_resources(backend, caller, path, version)
    return reply(StackResources([resource_info(resource.text) for resource in resources], "", number))


def _resource(backend: BackendDep, caller: CallerDep, path: StackPathDep, version: int | None, urn: str) -> Response:
    number, resource = state.get_resource(backend, caller, path, version, urn)
    return reply(StackResource(resource_info(resource.text), "", number))
