"""History of a stack: updates, previews, activity. `output-type=service` asks for the service's own shape."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.stacks.updates.service import history
from common.wire.updates import (
    Activity,
    GetHistoryResponse,
    GetStackActivityResponse,
    GetStackUpdatesResponse,
    Timeline,
    UpdateSummary,
)
from functions.http.deps import BackendDep, CallerDep, StackPathDep, reply
from functions.http.shapes import (
    OptionalPageNumber,
    OptionalPageSize,
    PageNumber,
    PageSize,
    page_of,
    result_of,
    update_info,
    update_item,
    update_items,
)

router = APIRouter()
_STACK = "/api/stacks/{org}/{project}/{stack}"
_PAGE_DEFAULT = 10


@router.get(f"{_STACK}/updates")
def get_stack_updates(
    backend: BackendDep,
    caller: CallerDep,
    path: StackPathDep,
    size: OptionalPageSize = None,
    page: OptionalPageNumber = None,
    output_type: Annotated[str, Query(alias="output-type")] = "cli",
) -> Response:
    stack, entries, total = history.page_updates(backend, caller, path, page_of(size, page))
    if output_type == "service":
        items = update_items(entries, stack.latest.version)
        return reply(GetStackUpdatesResponse(items, size or max(total, 1), total))
    return reply(GetHistoryResponse([update_info(entry) for entry in entries]))


@router.get(f"{_STACK}/updates/latest")
def get_latest_stack_update(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Response:
    stack, entry = history.get_version(backend, caller, path, None)
    return reply(update_item(entry, stack.latest.version))


@router.get(f"{_STACK}/updates/latest/previews")
def get_latest_stack_previews(
    backend: BackendDep,
    caller: CallerDep,
    path: StackPathDep,
    size: PageSize = _PAGE_DEFAULT,
    page: PageNumber = 1,
    *,
    asc: bool = True,
) -> Response:
    stack, entries = history.page_previews(backend, caller, path, None, page_of(size, page), ascending=asc)
    return reply(GetStackUpdatesResponse(update_items(entries, stack.latest.version), size, len(entries)))


@router.get(f"{_STACK}/updates/latest/timeline")
def get_latest_timeline(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Response:
    stack, entry = history.get_version(backend, caller, path, None)
    _stack, previews = history.page_previews(backend, caller, path, (entry.version or 0) - 1, page_of(None, None), ascending=True)
    latest = stack.latest.version
    return reply(Timeline(update_item(entry, latest), [], update_items(previews, latest)))


@router.get(f"{_STACK}/updates/{{version}}")
def get_stack_update(backend: BackendDep, caller: CallerDep, path: StackPathDep, version: int) -> Response:
    stack, entry = history.get_version(backend, caller, path, version)
    return reply(update_item(entry, stack.latest.version))


@router.get(f"{_STACK}/updates/{{version}}/previews")
def get_stack_previews(
    backend: BackendDep,
    caller: CallerDep,
    path: StackPathDep,
    version: int,
    size: PageSize = _PAGE_DEFAULT,
    page: PageNumber = 1,
    *,
    asc: bool = True,
) -> Response:
    stack, entries = history.page_previews(backend, caller, path, version, page_of(size, page), ascending=asc)
    return reply(GetStackUpdatesResponse(update_items(entries, stack.latest.version), size, len(entries)))


@router.get(f"{_STACK}/updates/{{version}}/summary")
def get_update_summary(backend: BackendDep, caller: CallerDep, path: StackPathDep, version: int) -> Response:
    _stack, entry = history.get_version(backend, caller, path, version)
    info = update_info(entry)
    return reply(UpdateSummary(result_of(entry.status), info.start_time, info.end_time, entry.resource_count))


@router.get(f"{_STACK}/updates/{{version}}/timeline")
def get_timeline(backend: BackendDep, caller: CallerDep, path: StackPathDep, version: int) -> Response:
    stack, entry = history.get_version(backend, caller, path, version)
    _stack, previews = history.page_previews(backend, caller, path, version - 1, page_of(None, None), ascending=True)
    latest = stack.latest.version
    return reply(Timeline(update_item(entry, latest), [], update_items(previews, latest)))


@router.get(f"{_STACK}/previews/{{update_id}}")
def get_preview(backend: BackendDep, caller: CallerDep, path: StackPathDep, update_id: str) -> Response:
    stack, entry = history.get_preview(backend, caller, path, update_id)
    return reply(update_item(entry, stack.latest.version))


@router.get(f"{_STACK}/previews/{{update_id}}/summary")
def get_preview_summary(backend: BackendDep, caller: CallerDep, path: StackPathDep, update_id: str) -> Response:
    _stack, entry = history.get_preview(backend, caller, path, update_id)
    info = update_info(entry)
    return reply(UpdateSummary(result_of(entry.status), info.start_time, info.end_time, entry.resource_count))


@router.get(f"{_STACK}/activity")
def get_stack_activity(
    backend: BackendDep,
    caller: CallerDep,
    path: StackPathDep,
    size: PageSize = _PAGE_DEFAULT,
    page: PageNumber = 1,
) -> Response:
    stack, entries, total = history.page_updates(backend, caller, path, page_of(size, page))
    items = [Activity(item) for item in update_items(entries, stack.latest.version)]
    return reply(GetStackActivityResponse(items, size, total))
