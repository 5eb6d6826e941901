"""The settings of an organization: what members have without a role, lifetime of tokens, mails to owners, retention."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.core.errors import BackendError, BadRequest
from common.people.orgs import service as orgs
from common.people.orgs.service import EXPIRY_LIMIT_DAYS
from common.rights.permissions import Permission, StackLevel
from common.stacks.model import UpdateMails
from common.stacks.retention import service as retention
from common.stacks.retention.model import Keep, RetentionPolicy, RetentionPreview
from common.stacks.service import notifications
from functions.pages.form_errors import attempt
from functions.pages.hiding import unless_hidden
from functions.pages.organizations.org_request import OrgRequest, OrgRequestDep
from functions.pages.visitor import Form, FormDep

router = APIRouter()
_GENERAL = "/{org}/settings/general"
_MAILS = f"{_GENERAL}/mails"
_LEVELS = {"none": StackLevel.NONE, "read": StackLevel.READ, "write": StackLevel.WRITE, "admin": StackLevel.ADMIN}
_TOGGLES = {
    "members_can_create_stacks": "Create stacks",
    "members_can_delete_stacks": "Delete stacks that they administer",
    "members_can_transfer_stacks": "Transfer stacks that they administer",
    "members_can_create_teams": "Create teams",
}
_DAYS_DIGITS, _COUNT_DIGITS = 4, 6
_KEEPS = [("all", "All versions"), ("versions", "A number of newest versions"), ("days", "The versions of a number of days")]


@router.get(_GENERAL)
def show_settings(
    request: OrgRequestDep,
    done: Annotated[str, Query()] = "",
    keep: Annotated[str, Query()] = "",
    count: Annotated[str, Query()] = "",
) -> Response:
    """Show the settings of an organization; with a retention policy in the address also what that would delete."""
    if not keep:
        return _page(request, done=done)

    def show() -> Response:
        policy = _policy(keep, count)
        return _page(request, preview=retention.preview(request.backend, request.caller, request.org, policy))

    return attempt(show, lambda error: _page(request, error=error))


@router.post(_GENERAL)
def change_settings(request: OrgRequestDep, form: FormDep) -> Response:
    """Change the settings of an organization."""

    def act() -> None:
        orgs.update_organization(request.backend, request.caller, request.org, _changes(form))

    return request.change(act, f"{request.address('general')}?done=saved", lambda error: _page(request, error=error))


@router.post(_MAILS)
def change_mails(request: OrgRequestDep, form: FormDep) -> Response:
    """Change which mails the owners of new stacks get, or of all stacks."""
    mails = UpdateMails(form.text("on_failure") == "yes", form.text("on_success") == "yes")

    def act() -> None:
        changes = {"mails_on_failure": mails.on_failure, "mails_on_success": mails.on_success}
        orgs.update_organization(request.backend, request.caller, request.org, changes)
        if form.text("all") == "yes":
            notifications.update_all(request.backend, request.caller, request.org, mails)

    return request.change(act, f"{request.address('general')}?done=saved", lambda error: _page(request, error=error))


@router.post(f"{_GENERAL}/retention")
def change_retention(request: OrgRequestDep, form: FormDep) -> Response:
    """Change which versions of states the organization keeps."""

    def act() -> None:
        policy = _policy(form.text("keep"), form.text("count"))
        retention.update_policy(request.backend, request.caller, request.org, policy)

    return request.change(act, f"{request.address('general')}?done=saved", lambda error: _page(request, error=error))


def _policy(keep: str, count: str) -> RetentionPolicy:
    text = count.strip() or "0"
    if keep != Keep.ALL and not (text.isascii() and text.isdigit() and len(text) <= _COUNT_DIGITS):
        raise BadRequest("enter how many versions or days are kept as a number")
    return RetentionPolicy.parse(keep, int(text) if keep != Keep.ALL else 0)


def _changes(form: Form) -> dict[str, object]:
    level, days = _LEVELS.get(form.text("default_stack_permission")), form.text("days") or "0"
    if level is None:
        raise BadRequest("choose what members have on every stack")
    if not days.isascii() or not days.isdigit() or len(days) > _DAYS_DIGITS:
        raise BadRequest("enter the days as a number")
    toggles = {name: form.text(name) == "yes" for name in _TOGGLES}
    return {"default_stack_permission": level, "max_access_token_expiry_days": int(days), **toggles}


def _page(
    request: OrgRequest, *, done: str = "", error: BackendError | None = None, preview: RetentionPreview | None = None
) -> Response:
    organization = unless_hidden(lambda: orgs.get_organization(request.backend, request.caller, request.org))
    settings = organization.settings
    content = {
        "organization": organization,
        "level": settings.default_stack_permission.name.lower(),
        "levels": [(level, "No access" if level == "none" else level.capitalize()) for level in _LEVELS],
        "toggles": [(name, text, getattr(settings, name)) for name, text in _TOGGLES.items()],
        "days": settings.max_access_token_expiry_days,
        "days_limit": EXPIRY_LIMIT_DAYS,
        "mails": UpdateMails(settings.mails_on_failure, settings.mails_on_success),
        "retention": preview.policy if preview is not None else RetentionPolicy.of(settings),
        "retention_preview": preview,
        "keeps": _KEEPS,
        "may_update": request.may(Permission.ORGANIZATION_UPDATE),
    }
    return request.page("general", content, done=done, error=error)
