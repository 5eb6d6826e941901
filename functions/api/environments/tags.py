"""Tags of environments."""

from fastapi import APIRouter, Response

from common.environments.model import Tag
from common.environments.service import tags
from common.environments.service.tags import PAGE_DEFAULT
from common.wire import environments as wire
from functions.api.environments.shapes import Count, EnvironmentPathDep, time
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, empty, reply

router = APIRouter()
_TAGS = "/api/esc/environments/{org}/{project}/{environment}/tags"
# The command line asks for another page until it reads this (esc.md 4.5).
_LAST = "0"


@router.get(_TAGS)
def list_environment_tags(
    backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, after: str = "", count: Count = PAGE_DEFAULT
) -> Response:
    page, next_token = tags.page_tags(backend, caller, path, after, count)
    return reply(wire.ListEnvironmentTagsResponse({tag.name: _tag(tag) for tag in page}, next_token or _LAST))


@router.post(_TAGS)
def create_environment_tag(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, body: BodyDep) -> Response:
    request = body.decode(wire.CreateEnvironmentTagRequest)
    return reply(_tag(tags.create_tag(backend, caller, path, request.name, request.value)))


@router.get(f"{_TAGS}/{{name}}")
def get_environment_tag(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, name: str) -> Response:
    return reply(_tag(tags.get_tag(backend, caller, path, name)))


@router.patch(f"{_TAGS}/{{name}}")
def update_environment_tag(
    backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, name: str, body: BodyDep
) -> Response:
    request = body.decode(wire.UpdateEnvironmentTagRequest)
    current, new = request.current_tag or wire.CurrentTag(), request.new_tag or wire.NewTag()
    return reply(_tag(tags.update_tag(backend, caller, path, name, current.value, new.name or "", new.value or "")))


@router.delete(f"{_TAGS}/{{name}}")
def delete_environment_tag(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, name: str) -> Response:
    tags.delete_tag(backend, caller, path, name)
    return empty()


def _tag(tag: Tag) -> wire.EnvironmentTag:
    return wire.EnvironmentTag(
        tag.id, tag.name, tag.value, time(tag.created_at), time(tag.modified_at), tag.editor.login, tag.editor.name
    )
