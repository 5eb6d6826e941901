"""Rotation of secrets: which secrets of an environment can be rotated, "Rotate now", and what was rotated."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.core.errors import BackendError, BadRequest
from common.environments.schedules import ScheduleRequest
from common.environments.service import overview, rotation, schedules
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


@router.post(f"{_ROTATION}/schedules")
def create_schedule(request: EnvironmentRequestDep, form: FormDep) -> Response:
    """Create a schedule, which rotates with the rights of the visitor."""
    wanted = ScheduleRequest(cron=form.text("cron"), path=form.text("secret"))
    return _change(request, lambda: schedules.create(request.backend, request.caller, request.path, wanted), "scheduled")


@router.post(f"{_ROTATION}/schedules/change")
def change_schedule(request: EnvironmentRequestDep, form: FormDep) -> Response:
    """Pause, resume or delete a schedule."""
    actions = {"pause": schedules.pause, "resume": schedules.resume, "delete": schedules.delete}

    def act() -> None:
        action = actions.get(form.text("action"))
        if action is None:
            raise BadRequest("choose what to do with the schedule")
        action(request.backend, request.caller, request.path, form.text("schedule"))

    return _change(request, act, "changed")


def _change(request: EnvironmentRequest, act: Callable[[], object], done: str) -> Response:
    return request.change(act, f"{request.address('rotation')}?done={done}", lambda error: _page(request, error))


def _page(request: EnvironmentRequest, error: BackendError | None = None, *, done: str = "") -> Response:
    viewed = request.view(Permission.ENVIRONMENT_ROTATE_HISTORY)
    history = unless_hidden(lambda: rotation.list_history(request.backend, request.caller, request.path))
    may_see = Permission.ENVIRONMENT_SCHEDULE_READ in viewed.permissions
    content = {
        "schedules": schedules.list_schedules(request.backend, request.caller, request.path)[1] if may_see else [],
        "paths": overview.summary_of(viewed.environment).rotation_paths,
        "history": history,
        "may_rotate": {Permission.ENVIRONMENT_ROTATE, Permission.ENVIRONMENT_OPEN} <= viewed.permissions,
    }
    return request.page("rotation", viewed, content, error, done)
