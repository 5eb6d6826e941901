"""The editor of a draft: the same as that of a definition, but what is saved is the next revision of the draft."""

from fastapi import APIRouter, Response

from common.approvals.model import ENDED, Action
from common.core.errors import BackendError, Conflict
from common.environments.language.syntax.diagnostic import Diagnostic
from common.environments.service import change_requests, drafts
from common.environments.service.change_requests import RequestChanges
from common.rights.permissions import Permission
from functions.pages.environments.editor import (
    Edited,
    EditedFormDep,
    check_text,
    compare_with,
    decoded,
    editor_page,
    with_line_ends_of,
)
from functions.pages.environments.environment_request import EnvironmentRequest, EnvironmentRequestDep
from functions.pages.form_errors import attempt
from functions.pages.hiding import missing, unless_hidden
from functions.pages.rendering import see_other

router = APIRouter()
_EDIT = "/{org}/esc/{project}/{environment}/change-requests/{request_id}/edit"


@router.get(_EDIT)
def edit(request: EnvironmentRequestDep, request_id: str) -> Response:
    """Show the latest revision of a draft in the editor, with its secrets encrypted."""
    draft = _get_draft(request, request_id)
    return _page(request, draft, _stored(draft))


@router.post(_EDIT)
def save(request: EnvironmentRequestDep, request_id: str, form: EditedFormDep) -> Response:
    """Save the text as the next revision of the draft, or check it alone. What was written is never lost."""
    draft = _get_draft(request, request_id)
    edited = Edited(form.exact("definition"), form.text("etag"))
    if form.text("action") == "check":
        return _page(request, draft, edited, checked=check_text(request, edited.text))

    def act() -> Response:
        text = with_line_ends_of(draft.revision.content, edited.text)
        drafts.update(request.backend, request.caller, request.path, request_id, text, edited.etag or None)
        return see_other(f"{request.address('change-requests', request_id)}?done=saved")

    return attempt(act, lambda error: _page(request, draft, edited, error))


def _get_draft(request: EnvironmentRequest, request_id: str) -> RequestChanges:
    """Return a draft that the visitor may change; the error for a page that is missing for any other."""
    draft = unless_hidden(
        lambda: change_requests.get_changes(request.backend, request.caller, request.path, request_id, events_limit=0)
    )
    may_edit = Permission.ENVIRONMENT_WRITE in draft.viewed.permissions
    if not may_edit or draft.request.action is not Action.UPDATE or draft.request.status in ENDED:
        raise missing()
    return draft


def _stored(draft: RequestChanges) -> Edited:
    return Edited(decoded(draft.revision.content), drafts.etag_of(draft.request.id, draft.revision.number))


def _page(
    request: EnvironmentRequest,
    draft: RequestChanges,
    edited: Edited,
    error: BackendError | None = None,
    *,
    checked: list[Diagnostic] | None = None,
) -> Response:
    newest = None
    if isinstance(error, Conflict):
        # Someone else saved a revision: both are shown, and the next save replaces it.
        stored = _stored(draft)
        newest = compare_with(f"Revision {draft.revision.number} of the draft", stored.text, edited.text)
        edited = Edited(edited.text, stored.etag)
    address = request.address("change-requests", draft.request.id)
    content: dict[str, object] = {
        "form_address": f"{address}/edit",
        "cancel_address": address,
        "draft": draft.request,
        "edited": edited,
        "is_decrypted": False,
        "may_decrypt": False,
        "newest": newest,
    }
    return editor_page(request, draft.viewed, content, error, checked)
