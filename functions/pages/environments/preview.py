"""The values of an environment: as far as they are known without its providers, opened with them, and secrets on demand."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.core.errors import BackendError
from common.environments.model import LATEST
from common.environments.service import opening
from common.rights.permissions import Permission
from functions.pages.environments.environment_request import EnvironmentRequest, EnvironmentRequestDep
from functions.pages.environments.opened_values import read_value, read_values
from functions.pages.failures import reason
from functions.pages.form_errors import attempt
from functions.pages.rendering import fragment
from functions.pages.visitor import FormDep

router = APIRouter()
_PREVIEW = "/{org}/esc/{project}/{environment}/preview"
# Long enough to read the page.
_DURATION = "15m"
_Text = Annotated[str, Query()]


@router.get(_PREVIEW)
def preview(request: EnvironmentRequestDep, version: _Text = LATEST) -> Response:
    """Show what the definition evaluates to without opening anything. Secrets are hidden."""
    viewed = request.view(Permission.ENVIRONMENT_READ, version=version)

    def show() -> Response:
        reply = opening.check(request.backend, request.caller, request.path, version)
        return _page(request, version, reply)

    # A revision may have errors by now: what it imports has changed.
    return attempt(show, lambda error: request.page("preview", viewed, _content(version), error))


@router.post(_PREVIEW)
def open_environment(request: EnvironmentRequestDep, form: FormDep) -> Response:
    """Open the environment with its providers and show the values, with secrets hidden unless all of them are asked for."""
    version = form.text("version") or LATEST
    session = form.text("session")

    def show() -> Response:
        backend, caller, path = request.backend, request.caller, request.path
        opened = session or opening.open_environment(backend, caller, path, version, _DURATION)
        reply = opening.read_open(backend, caller, path, opened, None)
        return _page(request, version, reply, opened, shows_secrets=form.text("show") == "all")

    return attempt(show, lambda error: request.page("preview", request.view(), _content(version), error))


@router.post(f"{_PREVIEW}/reveal")
def reveal(request: EnvironmentRequestDep, form: FormDep) -> Response:
    """Show one value of the environment that was opened, which is recorded."""
    property_path = form.exact("property")

    def show(content: dict[str, object], error: BackendError | None = None) -> Response:
        content = {"property_path": property_path, "value": None, "problem": "", **content}
        if request.visitor.is_part:
            return fragment(request.visitor, "environments/_revealed", content)
        return request.page("revealed", request.view(), content, error)

    def act() -> Response:
        reply = opening.read_open(request.backend, request.caller, request.path, form.text("session"), property_path)
        return show({"value": read_value(reply)})

    return attempt(act, lambda error: show({"problem": reason(error)}, error))


def _page(request: EnvironmentRequest, version: str, reply: bytes, session: str = "", *, shows_secrets: bool = False) -> Response:
    content = {**_content(version), "values": read_values(reply), "session": session, "shows_secrets": shows_secrets}
    return request.page("preview", request.view(), content)


def _content(version: str) -> dict[str, object]:
    return {"values": None, "session": "", "shows_secrets": False, "version": version}
