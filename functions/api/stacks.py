"""Stacks: create, get, list, delete, tags, configuration reference, metadata."""

import re
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response
from msgspec import UNSET

from common.core.errors import NotBuilt, TooLarge
from common.rights.permissions import Permission
from common.stacks import ownership
from common.stacks import service as stacks
from common.stacks import steps as stack_steps
from common.stacks.model import Listed
from common.stacks.service import PAGE_DEFAULT, PAGE_LIMIT, Filters
from common.stacks.state import lifecycle
from common.stacks.state.lifecycle import NewStack
from common.wire.stacks import (
    CreateStackRequest,
    CreateStackResponse,
    ListStacksResponse,
    NotificationSettings,
    StackConfig,
    StackLinks,
    StackMetadata,
    StackSummary,
    StackTag,
    UserInfo,
)
from functions.http.bodies import DOCUMENT, Body, BodyDep
from functions.http.deps import BackendDep, CallerDep, NewStackBodyDep, StackDocumentBodyDep, StackPathDep, empty, reply
from functions.http.shapes import stack_shape

router = APIRouter()
_PROJECT = "/api/stacks/{org}/{project}"
_STACK = f"{_PROJECT}/{{stack}}"
_ACCEPT_VERSION = re.compile(r"application/vnd\.pulumi\+(\d{1,4})")
_PAGED_SINCE = 8


@router.get(_STACK)
def get_stack(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Response:
    return reply(stack_shape(backend, stack_steps.get_stack(backend, caller, path, Permission.STACK_READ)))


@router.get("/api/user/stacks")
def list_user_stacks(
    request: Request,
    backend: BackendDep,
    caller: CallerDep,
    organization: str | None = None,
    project: str | None = None,
    tag_name: Annotated[str | None, Query(alias="tagName")] = None,
    tag_value: Annotated[str | None, Query(alias="tagValue")] = None,
    token: Annotated[str | None, Query(alias="continuationToken")] = None,
    limit: Annotated[int, Query(alias="maxResults", ge=1)] = PAGE_DEFAULT,
) -> Response:
    filters = Filters(organization or None, project or None, tag_name or None, tag_value)
    size = min(limit, PAGE_LIMIT) if _is_paged(request) else None
    found, following = stacks.page_stacks(backend, caller, filters, token=token or None, limit=size)
    return reply(ListStacksResponse([_summary(stack) for stack in found], following))


@router.head(_PROJECT)
def project_exists(backend: BackendDep, caller: CallerDep, org: str, project: str) -> Response:
    stacks.require_project(backend, caller, org, project)
    return empty(200)


@router.post(_PROJECT)
def create_stack(backend: BackendDep, caller: CallerDep, org: str, project: str, body: NewStackBodyDep) -> Response:
    _require_small_beside_state(body)
    lifecycle.create(backend, caller, org, project, _new_stack(body.decode(CreateStackRequest)))
    return reply(CreateStackResponse([]))


@router.delete(_STACK)
def delete_stack(backend: BackendDep, caller: CallerDep, path: StackPathDep, *, force: bool = False) -> Response:
    lifecycle.delete(backend, caller, path, force=force)
    return empty()


@router.patch(f"{_STACK}/tags")
def update_stack_tags(backend: BackendDep, caller: CallerDep, path: StackPathDep, body: StackDocumentBodyDep) -> Response:
    stacks.replace_tags(backend, caller, path, body.decode(dict[str, str]))
    return empty()


@router.post(f"{_STACK}/tags")
def add_stack_tag(backend: BackendDep, caller: CallerDep, path: StackPathDep, body: BodyDep) -> Response:
    tag = body.decode(StackTag)
    stacks.set_tag(backend, caller, path, tag.name, tag.value, must_exist=False)
    return empty()


@router.patch(f"{_STACK}/tags/{{name}}")
def update_stack_tag(backend: BackendDep, caller: CallerDep, path: StackPathDep, name: str, body: BodyDep) -> Response:
    tag = body.decode(StackTag)
    stacks.set_tag(backend, caller, path, name, tag.value, must_exist=True, name_again=tag.name)
    return empty()


@router.delete(f"{_STACK}/tags/{{name}}")
def delete_stack_tag(backend: BackendDep, caller: CallerDep, path: StackPathDep, name: str) -> Response:
    stacks.remove_tag(backend, caller, path, name)
    return empty()


@router.get(f"{_STACK}/config")
def get_stack_config(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Response:
    return reply(stacks.get_config(backend, caller, path))


@router.put(f"{_STACK}/config")
def update_stack_config(backend: BackendDep, caller: CallerDep, path: StackPathDep, body: StackDocumentBodyDep) -> Response:
    text = msgspec.json.encode(body.decode(StackConfig))
    stacks.set_config(backend, caller, path, text)
    return reply(text)


@router.delete(f"{_STACK}/config")
def delete_stack_config(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Response:
    stacks.set_config(backend, caller, path, None)
    return empty()


@router.get(f"{_STACK}/metadata")
def get_stack_metadata(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Response:
    owner = ownership.get_owner(backend, caller, path)
    stack, person = owner.stack, owner.person
    return reply(
        StackMetadata(
            stack.id,
            stack.path.org,
            stack.path.project,
            stack.path.name,
            UserInfo(person.name, person.login, person.avatar_url),
            NotificationSettings(False, False),
        ),
    )


class _State(msgspec.Struct):
    state: msgspec.Raw = msgspec.Raw(b"")


def _require_small_beside_state(body: Body) -> None:
    """Raise TooLarge for a request in which anything but the state, which is kept as text, has a state's size."""
    if len(body.text) <= DOCUMENT.size_bytes:
        return
    if len(body.text) - len(body.decode(_State).state) > DOCUMENT.size_bytes:
        raise TooLarge(f"the request without its state is larger than {DOCUMENT.size_bytes:,} bytes")


def _new_stack(asked: CreateStackRequest) -> NewStack:
    if asked.create_managed_environment:
        msg = "environments managed by a stack are not built yet"
        raise NotBuilt(msg)
    config = msgspec.json.encode(asked.config) if asked.config is not None else None
    state = bytes(asked.state)
    return NewStack(asked.stack_name, asked.tags or {}, state if state != b"null" else None, config, tuple(asked.teams or ()))


def _summary(stack: Listed) -> StackSummary:
    return StackSummary(
        stack.id,
        stack.path.org,
        stack.path.project,
        stack.path.name,
        StackLinks(""),
        stack.resource_count if stack.resource_count is not None else UNSET,
        stack.last_update if stack.last_update is not None else UNSET,
    )


def _is_paged(request: Request) -> bool:
    match = _ACCEPT_VERSION.search(request.headers.get("accept", ""))
    return match is None or int(match[1]) >= _PAGED_SINCE
