"""An environment's settings: tags, protection from deletion, owner, a copy of it, and its deletion."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.core.errors import BackendError, BadRequest
from common.environments.model import EnvironmentPath
from common.environments.service import attributes, cloning, definitions, tags
from common.environments.service.cloning import CloneRequest
from functions.pages.environments.environment_request import (
    SETTINGS,
    EnvironmentRequest,
    EnvironmentRequestDep,
    environment_address,
)
from functions.pages.environments.listing import list_address
from functions.pages.hiding import missing
from functions.pages.visitor import FormDep

router = APIRouter()
_SETTINGS = "/{org}/esc/{project}/{environment}/settings"
_Text = Annotated[str, Query()]


@router.get(_SETTINGS)
def show_settings(request: EnvironmentRequestDep, done: _Text = "") -> Response:
    """Show what the visitor may change."""
    return _page(request, done=done)


@router.post(f"{_SETTINGS}/tags")
def create_tag(request: EnvironmentRequestDep, form: FormDep) -> Response:
    """Add a tag."""
    name, value = form.text("name"), form.text("value")
    return _change(request, lambda: tags.create_tag(request.backend, request.caller, request.path, name, value))


@router.post(f"{_SETTINGS}/tags/delete")
def delete_tag(request: EnvironmentRequestDep, form: FormDep) -> Response:
    """Delete a tag."""
    name = form.text("name")
    return _change(request, lambda: tags.delete_tag(request.backend, request.caller, request.path, name))


@router.post(f"{_SETTINGS}/protection")
def protect(request: EnvironmentRequestDep, form: FormDep) -> Response:
    """Protect the environment from deletion, or no longer."""
    is_protected = form.text("protected") == "yes"
    return _change(
        request,
        lambda: attributes.update_protection(request.backend, request.caller, request.path, is_protected=is_protected),
    )


@router.post(f"{_SETTINGS}/owner")
def change_owner(request: EnvironmentRequestDep, form: FormDep) -> Response:
    """Make another member the owner."""
    login = form.text("login")
    return _change(request, lambda: attributes.update_owner(request.backend, request.caller, request.path, login))


@router.post(f"{_SETTINGS}/clone")
def clone(request: EnvironmentRequestDep, form: FormDep) -> Response:
    """Copy the environment, and lead to the copy."""
    path = request.path
    target = EnvironmentPath(path.org, form.text("project") or path.project, form.text("name"))
    chosen = form.texts("keep")
    copy = CloneRequest(
        target.project,
        target.name,
        keeps_history="history" in chosen,
        keeps_access="access" in chosen,
        keeps_tags="tags" in chosen,
        keeps_revision_tags="revision-tags" in chosen,
    )
    return request.change(
        lambda: cloning.clone(request.backend, request.caller, path, copy),
        f"{environment_address(target)}?done=copied",
        lambda error: _page(request, error),
    )


@router.post(f"{_SETTINGS}/delete")
def delete(request: EnvironmentRequestDep, form: FormDep) -> Response:
    """Delete the environment; its name has to be typed."""

    def act() -> None:
        if form.text("confirm") != request.path.in_org:
            raise BadRequest(f"type {request.path.in_org} to confirm")
        definitions.delete(request.backend, request.caller, request.path)

    return request.change(act, f"{list_address(request.path.org)}?done=deleted", lambda error: _page(request, error))


def _change(request: EnvironmentRequest, act: Callable[[], object]) -> Response:
    address = f"{request.address('settings')}?done=saved"
    return request.change(act, address, lambda error: _page(request, error))


def _page(request: EnvironmentRequest, error: BackendError | None = None, *, done: str = "") -> Response:
    viewed = request.view()
    if not any(permission in viewed.permissions for permission in SETTINGS):
        raise missing()
    return request.page("settings", viewed, {}, error, done)
