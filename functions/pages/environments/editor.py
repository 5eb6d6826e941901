"""The editor of an environment's definition: a text area that a script makes comfortable, with a check before it is saved."""

from dataclasses import dataclass
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from common.core.errors import BackendError, Conflict
from common.environments.evaluation import InvalidDefinition
from common.environments.language.environment import to_wire
from common.environments.language.syntax.diagnostic import Diagnostic
from common.environments.model import EnvironmentPath
from common.environments.service import catalogues, definitions, drafts, overview
from common.environments.service.overview import Viewed
from common.rights.permissions import Permission
from functions.http.bodies import EDITED, Body, BodyReader
from functions.http.deps import BackendDep
from functions.pages import static_files
from functions.pages.environments.environment_request import EnvironmentRequest, EnvironmentRequestDep
from functions.pages.environments.line_differences import Line, compare_lines
from functions.pages.form_errors import attempt
from functions.pages.hiding import unless_hidden
from functions.pages.rendering import see_other
from functions.pages.visitor import Form, FormDep, PersonDep, Visitor, VisitorDep, read_form

router = APIRouter()
_EDIT = "/{org}/esc/{project}/{environment}/edit"
_WRITE, _OPEN = Permission.ENVIRONMENT_WRITE, Permission.ENVIRONMENT_OPEN
_Text = Annotated[str, Query()]


def may_edit(request: Request) -> None:
    """Raise NotFound or Forbidden unless the visitor may save the environment of the address."""
    parts, backend = request.path_params, request.app.state.backend
    path = EnvironmentPath(parts["org"], parts["project"], parts["environment"])
    definitions.require_permission(backend, Visitor(request, backend).require(), path, _WRITE)


async def get_edited_form(
    request: Request,
    backend: BackendDep,
    visitor: VisitorDep,
    _person: PersonDep,
    body: Annotated[Body, Depends(BodyReader(EDITED, may=may_edit))],
) -> Form:
    """Return the form of the editor; errors as get_form."""
    return read_form(request, backend, visitor, body)


EditedFormDep = Annotated[Form, Depends(get_edited_form)]


@dataclass(frozen=True, slots=True)
class Edited:
    """The text in the editor, and the entity tag of the revision that it was made from."""

    text: str
    etag: str


@dataclass(frozen=True, slots=True)
class Newest:
    """What someone else saved while a text was edited: its name, its text, and the lines that are different."""

    name: str
    text: str
    lines: list[Line] | None


class Problem(msgspec.Struct):
    """A diagnostic for the script of the editor. Lines and columns count from 1; 0 for a problem that has no place."""

    summary: str
    is_error: bool
    line: int
    column: int
    end_line: int
    end_column: int


@router.get(_EDIT)
def edit(request: EnvironmentRequestDep) -> Response:
    """Show the definition in the editor, with its secrets encrypted."""
    request.view(_WRITE, Permission.ENVIRONMENT_READ)
    stored = unless_hidden(lambda: definitions.get(request.backend, request.caller, request.path))
    return _page(request, Edited(decoded(stored.text), stored.etag))


@router.post(_EDIT)
def save(request: EnvironmentRequestDep, form: EditedFormDep) -> Response:
    """Save the definition as the next revision or as a draft, or check it alone. What was written is never lost."""
    edited = Edited(form.exact("definition"), form.text("etag"))
    if form.text("action") == "check":
        return _check(request, edited)

    def act() -> Response:
        text = _as_before(request, edited.text)
        if form.text("action") == "draft":
            draft = drafts.create(request.backend, request.caller, request.path, text, edited.etag or None)
            return see_other(f"{request.address('change-requests', draft.id)}?done=created")
        definitions.update(request.backend, request.caller, request.path, text, edited.etag or None)
        return see_other(f"{request.address()}?done=saved")

    return attempt(act, lambda error: _page(request, edited, error))


@router.post(f"{_EDIT}/decrypt")
def show_secrets(request: EnvironmentRequestDep, form: FormDep) -> Response:
    """Show the newest definition in the editor with its secrets in clear, which is recorded."""
    _ = form
    request.view(_WRITE, _OPEN)

    def act() -> Response:
        stored = definitions.decrypt(request.backend, request.caller, request.path)
        return _page(request, Edited(decoded(stored.text), stored.etag), is_decrypted=True)

    return attempt(act, lambda error: _page(request, _stored(request), error))


@router.post(f"{_EDIT}/check")
def check(request: EnvironmentRequestDep, form: EditedFormDep) -> Response:
    """Return what is wrong with a text, as JSON for the script of the editor."""
    diagnostics = check_text(request, form.exact("definition"))
    return _json(msgspec.json.encode([_problem(item) for item in diagnostics[:200]]))


@router.get(f"{_EDIT}/completions")
def list_completions(request: EnvironmentRequestDep) -> Response:
    """Return what the script of the editor offers to complete: functions, providers with their schemas, environments."""
    request.view(_WRITE)
    catalogue = catalogues.get_catalogue(request.backend, request.caller, request.path)
    return _json(to_wire(catalogue))


def _check(request: EnvironmentRequest, edited: Edited) -> Response:
    return _page(request, edited, checked=check_text(request, edited.text))


def check_text(request: EnvironmentRequest, text: str) -> list[Diagnostic]:
    """Return what is wrong with a text that was sent."""
    return unless_hidden(lambda: overview.check_definition(request.backend, request.caller, request.path, encoded(text)))


def _page(
    request: EnvironmentRequest,
    edited: Edited,
    error: BackendError | None = None,
    *,
    checked: list[Diagnostic] | None = None,
    is_decrypted: bool = False,
) -> Response:
    viewed = request.view(_WRITE)
    content: dict[str, object] = {
        "form_address": request.address("edit"),
        "cancel_address": request.address(),
        "draft": None,
        "edited": edited,
        "is_decrypted": is_decrypted,
        "may_decrypt": _OPEN in viewed.permissions,
        "newest": None,
    }
    if isinstance(error, Conflict) and Permission.ENVIRONMENT_READ in viewed.permissions:
        # Someone else saved a revision: both are shown, and the next save replaces it. Reading theirs is recorded.
        newest = _stored(request)
        content["edited"] = Edited(edited.text, newest.etag)
        content["newest"] = compare_with(f"Revision {viewed.environment.latest}", newest.text, edited.text)
    return editor_page(request, viewed, content, error, checked)


def editor_page(
    request: EnvironmentRequest,
    viewed: Viewed,
    content: dict[str, object],
    error: BackendError | None,
    checked: list[Diagnostic] | None,
) -> Response:
    """Return the page of an editor with what is wrong with its text."""
    problems = error.diagnostics if isinstance(error, InvalidDefinition) else (checked or [])
    around = {"checked": checked, "problems": problems[:200], "editor_script": static_files.address("editor.js")}
    return request.page("editor", viewed, {**around, **content}, error)


def compare_with(name: str, newest: str, written: str) -> Newest:
    """Return what someone else saved, with the lines that are different in a text that was written."""
    return Newest(name, newest, compare_lines(newest.replace("\r\n", "\n"), written.replace("\r\n", "\n")))


def _stored(request: EnvironmentRequest) -> Edited:
    stored = unless_hidden(lambda: definitions.get(request.backend, request.caller, request.path))
    return Edited(decoded(stored.text), stored.etag)


def _as_before(request: EnvironmentRequest, text: str) -> bytes:
    viewed = unless_hidden(lambda: overview.view(request.backend, request.caller, request.path, _WRITE))
    revision = viewed.environment.revision
    return with_line_ends_of(revision.definition if revision is not None else b"", text)


def with_line_ends_of(stored: bytes, text: str) -> bytes:
    """Return a text with the line ends of a stored definition: browsers send every line of a form with a carriage return."""
    has_returns = stored.count(b"\r\n") > stored.count(b"\n") / 2
    return encoded(text, has_returns=has_returns)


def encoded(text: str, *, has_returns: bool = False) -> bytes:
    """Return a text that was sent as the bytes of a definition."""
    lines = text.replace("\r\n", "\n")
    return (lines.replace("\n", "\r\n") if has_returns else lines).encode("utf-8", "surrogateescape")


def decoded(definition: bytes) -> str:
    """Return a stored definition as the editor shows it."""
    return definition.decode("utf-8", "replace")


def _problem(diagnostic: Diagnostic) -> Problem:
    is_error = diagnostic.severity == "error"
    where = diagnostic.range
    if where is None:
        return Problem(diagnostic.summary, is_error, 0, 0, 0, 0)
    return Problem(diagnostic.summary, is_error, where.begin.line, where.begin.column, where.end.line, where.end.column)


def _json(text: bytes) -> Response:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(text, media_type="application/json", headers=headers)
