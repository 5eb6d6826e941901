"""The directory of an organization: the address and the token that it calls with."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.core.errors import BackendError
from common.rights.permissions import Permission
from common.sign_in.scim.service import tokens
from common.sign_in.scim.service.tokens import NewToken
from functions.pages.form_errors import attempt
from functions.pages.hiding import unless_hidden
from functions.pages.organizations.org_request import OrgRequest, OrgRequestDep
from functions.pages.visitor import FormDep

router = APIRouter()
_SCIM = "/{org}/settings/scim"


@router.get(_SCIM)
def show_scim(request: OrgRequestDep, done: Annotated[str, Query()] = "") -> Response:
    """Show whether a directory is set up."""
    return _page(request, done=done)


@router.post(_SCIM)
def create_token(request: OrgRequestDep, form: FormDep) -> Response:
    """Create the directory's token, in place of the old one, and show it, this once."""
    _ = form
    return attempt(
        lambda: _page(request, issued=tokens.create(request.backend, request.caller, request.org)),
        lambda error: _page(request, error=error),
    )


@router.post(f"{_SCIM}/delete")
def delete_token(request: OrgRequestDep, form: FormDep) -> Response:
    """Delete the directory's token."""
    _ = form
    return request.change(
        lambda: tokens.delete(request.backend, request.caller, request.org),
        f"{request.address('scim')}?done=deleted",
        lambda error: _page(request, error=error),
    )


def _page(request: OrgRequest, *, done: str = "", issued: NewToken | None = None, error: BackendError | None = None) -> Response:
    status = unless_hidden(lambda: tokens.get(request.backend, request.caller, request.org))
    content = {
        "token_status": status,
        "issued": issued,
        "may_update": request.may(Permission.SCIM_UPDATE),
        "may_delete": request.may(Permission.SCIM_DELETE),
    }
    return request.page("scim", content, done=done, error=error)
