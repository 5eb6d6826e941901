"""A stack's state: export, import, outputs, rename, single resources."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from msgspec import UNSET, Raw

from common.core.errors import NotFound
from common.stacks.model import StackPath
from common.stacks.state import lifecycle
from common.stacks.state import service as state
from common.wire.stacks import (
    ImportStackResponse,
    ResourceCount,
    ResourceInfo,
    StackOutputs,
    StackReference,
    StackReferences,
    StackRenameRequest,
    StackResource,
    StackResources,
)
from functions.http.bodies import BodyDep, StateBodyDep
from functions.http.deps import BackendDep, CallerDep, StackPathDep, reply
from functions.http.shapes import stored_reply

router = APIRouter()
_STACK = "/api/stacks/{org}/{project}/{stack}"


def _import_allowed(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> None:
    """Ask before the body is read: a stranger's upload of many megabytes is refused at its first byte."""
    lifecycle.require_import(backend, caller, path)


ImportAllowedDep = Annotated[None, Depends(_import_allowed)]


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
    path: StackPathDep,
    _allowed: ImportAllowedDep,
    body: StateBodyDep,
) -> Response:
    return reply(ImportStackResponse(lifecycle.import_state(backend, caller, path, body.text)))


@router.get(f"{_STACK}/outputs")
def get_stack_outputs(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Response:
    found = state.outputs(backend, caller, path)
    return reply(StackOutputs(*(Raw(text) if text is not None else UNSET for text in (found.outputs, found.secrets_providers))))


@router.post(f"{_STACK}/rename")
def rename_stack(backend: BackendDep, caller: CallerDep, path: StackPathDep, body: BodyDep) -> Response:
    asked = body.decode(StackRenameRequest)
    return reply(ImportStackResponse(lifecycle.rename(backend, caller, path, asked.new_name, asked.new_project)))


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
    return _references(state.referring_stacks(backend, caller, path))


@router.get(f"{_STACK}/upstreamreferences")
def list_upstream_references(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Response:
    return _references(state.referred_stacks(backend, caller, path))


def _references(found: list[tuple[StackPath, int]]) -> Response:
    return reply(StackReferences([StackReference(at.org, at.project, at.name, version) for at, version in found]))


def _resources(backend: BackendDep, caller: CallerDep, path: StackPathDep, version: int | None) -> Response:
    at, found = state.resources(backend, caller, path, version)
    return reply(StackResources([ResourceInfo(Raw(resource.text)) for resource in found], "", at))


def _resource(backend: BackendDep, caller: CallerDep, path: StackPathDep, version: int | None, urn: str) -> Response:
    at, found = state.resources(backend, caller, path, version)
    texts = [resource.text for resource in found if resource.urn == urn]
    if not texts:
        msg = f"Resource {urn[:300]!a} not found"
        raise NotFound(msg)
    return reply(StackResource(ResourceInfo(Raw(texts[0])), "", at))
