"""Revisions of an environment: their list, one of them, the differences between two, their tags, restore and retract."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.core.errors import BackendError, BadRequest
from common.environments.model import LATEST, find_number, is_version
from common.environments.service import definitions, revisions
from common.rights.permissions import Permission
from functions.pages.environments.environment_request import EnvironmentRequest, EnvironmentRequestDep
from functions.pages.environments.line_differences import compare_lines
from functions.pages.environments.yaml_text import highlighted
from functions.pages.form_errors import attempt
from functions.pages.hiding import missing, unless_hidden
from functions.pages.rendering import see_other
from functions.pages.visitor import FormDep

router = APIRouter()
_REVISIONS = "/{org}/esc/{project}/{environment}/revisions"
_READ = Permission.ENVIRONMENT_VERSION_READ
_ROWS = 50
_Text = Annotated[str, Query()]


@router.get(_REVISIONS)
def list_revisions(request: EnvironmentRequestDep, before: _Text = "", done: _Text = "") -> Response:
    """Show revisions, newest first."""
    return _list_page(request, before, done=done)


@router.get(f"{_REVISIONS}/compare")
def compare(
    request: EnvironmentRequestDep,
    before: Annotated[str, Query(alias="from")] = "",
    after: Annotated[str, Query(alias="to")] = LATEST,
) -> Response:
    """Show the lines that are different between two revisions: the newest one and the one before it, unless others are named."""
    viewed = request.view(_READ)
    number = find_number(after) or viewed.environment.latest
    fields = {"before": before.strip() or str(max(number - 1, 1)), "after": after.strip() or LATEST}

    def show() -> Response:
        before, after = (_require_version(fields[name]) for name in ("before", "after"))
        old, new = revisions.compare(request.backend, request.caller, request.path, before, after)
        lines = compare_lines(_text(old.definition), _text(new.definition))
        return request.page("compare", viewed, {"fields": fields, "old": old, "new": new, "lines": lines})

    def show_problem(error: BackendError) -> Response:
        return request.page("compare", viewed, {"fields": fields, "old": None, "new": None, "lines": []}, error)

    return attempt(show, show_problem)


@router.get(f"{_REVISIONS}/{{version}}")
def show_revision(request: EnvironmentRequestDep, version: str, done: _Text = "") -> Response:
    """Show a revision, by its number or a tag, and what changed in it."""
    return _revision_page(request, version, done=done)


@router.post(f"{_REVISIONS}/tags")
def tag(request: EnvironmentRequestDep, form: FormDep) -> Response:
    """Give a revision a tag, or move a tag that there is to it."""
    backend, caller, path = request.backend, request.caller, request.path

    def act() -> None:
        change = revisions.update_tag if form.text("action") == "move" else revisions.create_tag
        change(backend, caller, path, form.text("name"), _number(form.text("revision")))

    return _change(request, act, "tagged")


@router.post(f"{_REVISIONS}/tags/delete")
def delete_tag(request: EnvironmentRequestDep, form: FormDep) -> Response:
    """Delete a tag; the revision stays."""
    name = form.text("name")
    return _change(request, lambda: revisions.delete_tag(request.backend, request.caller, request.path, name), "untagged")


@router.post(f"{_REVISIONS}/{{version}}/restore")
def restore(request: EnvironmentRequestDep, version: str, form: FormDep) -> Response:
    """Save the definition of a revision as the newest one, unless another was saved since the page was shown."""
    etag = form.text("etag")

    def act() -> Response:
        stored = definitions.get(request.backend, request.caller, request.path, _require_version(version))
        definitions.update(request.backend, request.caller, request.path, stored.text, etag or None)
        return see_other(f"{request.address()}?done=restored")

    return attempt(act, lambda error: _revision_page(request, version, error))


@router.post(f"{_REVISIONS}/{{version}}/retract")
def retract(request: EnvironmentRequestDep, version: str, form: FormDep) -> Response:
    """Make a revision unusable; its tags move to another one."""

    def act() -> Response:
        replacement, reason = _number(form.text("replacement")), form.text("reason")
        revisions.retract(request.backend, request.caller, request.path, _require_version(version), replacement, reason)
        return see_other(f"{request.address('revisions')}?done=retracted")

    return attempt(act, lambda error: _revision_page(request, version, error))


def _change(request: EnvironmentRequest, act: Callable[[], None], done: str) -> Response:
    address = f"{request.address('revisions')}?done={done}"
    return request.change(act, address, lambda error: _list_page(request, error=error))


def _list_page(request: EnvironmentRequest, before: str = "", error: BackendError | None = None, *, done: str = "") -> Response:
    viewed = request.view(_READ)
    first = find_number(before) or 0
    entries = unless_hidden(lambda: revisions.page_revisions(request.backend, request.caller, request.path, first, _ROWS + 1))
    rows = entries[:_ROWS]
    content = {
        "entries": rows,
        "newest": request.address("revisions") if first else "",
        "older": f"{request.address('revisions')}?before={rows[-1].number}" if len(entries) > _ROWS else "",
    }
    return request.page("revisions", viewed, content, error, done)


def _revision_page(request: EnvironmentRequest, version: str, error: BackendError | None = None, *, done: str = "") -> Response:
    if not is_version(version):
        raise missing()
    shown = unless_hidden(lambda: revisions.get_revision(request.backend, request.caller, request.path, version))
    newest = shown.viewed.environment
    content = {
        "entry": shown.entry,
        "definition": highlighted(shown.definition),
        "is_empty": not shown.definition.strip(),
        "is_latest": shown.entry.number == newest.latest,
        "etag": newest.etag(newest.latest),
    }
    return request.page("revision", shown.viewed, content, error, done)


def _require_version(version: str) -> str:
    if not is_version(version):
        raise BadRequest(f"{version[:100]!a} is not a revision: name a number or a tag")
    return version


def _number(text: str) -> int | None:
    """Return the number of a form; None for an empty field."""
    if not text:
        return None
    number = find_number(text)
    if number is None:
        raise BadRequest(f"{text[:20]!a} is not a revision number")
    return number


def _text(definition: bytes) -> str:
    return definition.decode("utf-8", "replace").replace("\r\n", "\n")
