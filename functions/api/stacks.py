"""Stacks: create, get, list, delete, tags, configuration reference, metadata."""

import re
from dataclasses import replace
from functools import partial
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response
from msgspec import UNSET

from common.backend import Backend
from common.core.errors import BadRequest, TooLarge
from common.environments.service import managed_environments, stack_environments
from common.rights.caller import Caller
from common.stacks.model import Annotation, AnnotationName, ListedStack, UpdateMails
from common.stacks.service import annotations, attributes, lifecycle, notifications
from common.stacks.service import listing as stacks
from common.stacks.service.lifecycle import NewStack
from common.stacks.service.listing import PAGE_DEFAULT, PAGE_LIMIT, Filters
from common.wire.stacks import (
    CreateStackRequest,
    CreateStackResponse,
    GetStackStarterWorkflowResponse,
    GetStarterWorkflowRequest,
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
    return reply(stack_shape(backend, stacks.get_stack(backend, caller, path)))


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
    page, next_token = stacks.page_stacks(backend, caller, filters, token=token or None, limit=size)
    return reply(ListStacksResponse([_summary(stack) for stack in page], next_token))


@router.head(_PROJECT)
def project_exists(backend: BackendDep, caller: CallerDep, org: str, project: str) -> Response:
    stacks.require_project(backend, caller, org, project)
    return empty(200)


@router.post(_PROJECT)
def create_stack(backend: BackendDep, caller: CallerDep, org: str, project: str, body: NewStackBodyDep) -> Response:
    _require_small_beside_state(body)
    stack = lifecycle.create(backend, caller, org, project, _new_stack(backend, caller, org, project, body))
    return reply(CreateStackResponse([], stack.managed_environment or UNSET))


@router.delete(_STACK)
def delete_stack(backend: BackendDep, caller: CallerDep, path: StackPathDep, *, force: bool = False) -> Response:
    lifecycle.delete(backend, caller, path, force=force, detach=partial(managed_environments.delete, backend, caller))
    return empty()


@router.patch(f"{_STACK}/tags")
def update_stack_tags(backend: BackendDep, caller: CallerDep, path: StackPathDep, body: StackDocumentBodyDep) -> Response:
    attributes.replace_tags(backend, caller, path, body.decode(dict[str, str]))
    return empty()


@router.post(f"{_STACK}/tags")
def add_stack_tag(backend: BackendDep, caller: CallerDep, path: StackPathDep, body: BodyDep) -> Response:
    tag = body.decode(StackTag)
    attributes.create_tag(backend, caller, path, tag.name, tag.value)
    return empty()


@router.patch(f"{_STACK}/tags/{{name}}")
def update_stack_tag(backend: BackendDep, caller: CallerDep, path: StackPathDep, name: str, body: BodyDep) -> Response:
    tag = body.decode(StackTag)
    attributes.update_tag(backend, caller, path, name, tag.value, name_in_body=tag.name)
    return empty()


@router.delete(f"{_STACK}/tags/{{name}}")
def delete_stack_tag(backend: BackendDep, caller: CallerDep, path: StackPathDep, name: str) -> Response:
    attributes.delete_tag(backend, caller, path, name)
    return empty()


@router.get(f"{_STACK}/config")
def get_stack_config(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Response:
    return reply(attributes.get_config(backend, caller, path))


@router.put(f"{_STACK}/config")
def update_stack_config(backend: BackendDep, caller: CallerDep, path: StackPathDep, body: StackDocumentBodyDep) -> Response:
    config = body.decode(StackConfig)
    text = msgspec.json.encode(config)
    environment = partial(stack_environments.require, backend, caller, path.org, config.environment)
    attributes.update_config(backend, caller, path, text, environment)
    return reply(text)


@router.delete(f"{_STACK}/config")
def delete_stack_config(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Response:
    attributes.update_config(backend, caller, path, None)
    return empty()


@router.get(f"{_STACK}/metadata")
def get_stack_metadata(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Response:
    return reply(_metadata(notifications.get_metadata(backend, caller, path)))


@router.patch(f"{_STACK}/notifications/settings")
def update_stack_notification_settings(backend: BackendDep, caller: CallerDep, path: StackPathDep, body: BodyDep) -> Response:
    request = body.decode(NotificationSettings)
    mails = UpdateMails(request.notify_update_failure, request.notify_update_success)
    return reply(_metadata(notifications.update_settings(backend, caller, path, mails)))


def _metadata(metadata: notifications.StackMetadata) -> StackMetadata:
    stack, owner, mails = metadata.stack, metadata.owner, metadata.mails
    return StackMetadata(
        stack.id,
        stack.path.org,
        stack.path.project,
        stack.path.name,
        UserInfo(owner.name, owner.login, owner.avatar_url),
        NotificationSettings(notify_update_failure=mails.on_failure, notify_update_success=mails.on_success),
    )


@router.post(f"{_STACK}/workflow")
def get_stack_starter_workflow(backend: BackendDep, caller: CallerDep, path: StackPathDep, body: BodyDep) -> Response:
    request = body.decode(GetStarterWorkflowRequest)
    directory, filters_paths = request.working_directory, request.enable_path_filters
    text = attributes.get_starter_workflow(backend, caller, path, request.ci_system, directory, filters_paths=filters_paths)
    return reply(GetStackStarterWorkflowResponse(text))


@router.get(f"{_STACK}/annotations/{{annotation}}")
def get_stack_annotation(
    backend: BackendDep,
    caller: CallerDep,
    path: StackPathDep,
    annotation: str,
    source: str = "",
    version: int | None = None,
) -> Response:
    return _versioned(annotations.get_annotation(backend, caller, path, AnnotationName(annotation, source), version))


@router.patch(f"{_STACK}/annotations/{{annotation}}")
def upsert_stack_annotation(
    backend: BackendDep,
    caller: CallerDep,
    path: StackPathDep,
    annotation: str,
    body: BodyDep,
    source: str = "",
    version: int | None = None,
) -> Response:
    document = bytes(body.decode(msgspec.Raw))
    name = AnnotationName(annotation, source)
    new_version = annotations.update_annotation(backend, caller, path, name, document, version=version)
    return Response(status_code=204, headers={"ETag": f'"{new_version}"'})


def _versioned(annotation: Annotation) -> Response:
    """Return a document with its version, which a client sends back to change just that version."""
    response = reply(annotation.document)
    response.headers["ETag"] = f'"{annotation.version}"'
    return response


class _State(msgspec.Struct):
    state: msgspec.Raw = msgspec.Raw(b"")


def _require_small_beside_state(body: Body) -> None:
    """Raise TooLarge for a request that is too large without its state, which alone is kept as text."""
    if len(body.text) <= DOCUMENT.size_bytes:
        return
    if len(body.text) - len(body.decode(_State).state) > DOCUMENT.size_bytes:
        raise TooLarge(f"the request without its state is larger than {DOCUMENT.size_bytes:,} bytes")


def _new_stack(backend: Backend, caller: Caller, org: str, project: str, body: Body) -> NewStack:
    request = body.decode(CreateStackRequest)
    config = msgspec.json.encode(request.config) if request.config is not None else None
    state = bytes(request.state) if bytes(request.state) != b"null" else None
    new = NewStack(request.stack_name, request.tags or {}, state, config, tuple(request.teams or ()))
    if request.create_managed_environment:
        if request.config is not None:
            raise BadRequest("a stack has an environment of its own or names another one as its configuration, not both")
        name, attach = managed_environments.prepare(backend, caller, org, project, request.stack_name)
        return replace(new, attach=attach, managed_environment=name)
    if request.config is not None:
        return replace(new, attach=stack_environments.prepare(backend, caller, org, request.config.environment))
    return new


def _summary(stack: ListedStack) -> StackSummary:
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
