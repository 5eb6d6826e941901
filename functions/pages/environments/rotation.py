"""Rotation of secrets: which secrets of an environment can be rotated, "Rotate now", and what was rotated."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.core.errors import BackendError
from common.environments.service import overview, rotation
from common.rights.permissions import Permission
from functions.pages.environments.environment_request import EnvironmentRequest, EnvironmentRequestDep
from functions.pages.form_errors import attempt
from functions.pages.hiding import unless_hidden
from functions.pages.rendering import see_other
from functions.pages.visitor import FormDep

router = APIRouter()
_ROTATION = "/{org}/esc/{project}/{environment}/rotation"
_Text = Annotated[str, Query()]


@router.get(_ROTATION)
def show_rotation(request: EnvironmentRequestDep, done: _Text = "") -> Response:
    """Show the secrets that can be rotated, and the newest rotations."""
    return _page(request, done=done)


@router.post(_ROTATION)
def rotate(request: EnvironmentRequestDep, form: FormDep) -> Response:
    """Rotate the chosen secrets, or all of them."""
    chosen = [] if form.text("all") else form.texts("secret")

    def act() -> Response:
        rotated = rotation.rotate(request.backend, request.caller, request.path, chosen)
        return see_other(f"{request.address('rotation')}?done={rotated.record.status}")

    return attempt(act, lambda error: _page(request, error))


def _page(request: EnvironmentRequest, error: BackendError | None = None, *, done: str = "") -> Response:
    viewed = request.view(Permission.ENVIRONMENT_ROTATE_HISTORY)
    history = unless_hidden(lambda: rotation.list_history(request.backend, request.caller, request.path))
    content = {
        "paths": overview.summary_of(viewed.environment).rotation_paths,
        "history": history,
        "may_rotate": {Permission.ENVIRONMENT_ROTATE, Permission.ENVIRONMENT_OPEN} <= viewed.permissions,
    }
    return request.page("rotation", viewed, content, error, done)
