"""An organization's SAML provider: what is set up, the addresses that the provider needs, and the rule to sign in by it."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.config.public_urls import base_url
from common.core.errors import BackendError, BadRequest
from common.rights.permissions import Permission
from common.sign_in.saml.service import provider as saml
from common.sign_in.saml.service.provider import HOURS_LIMIT, Change
from functions.pages.hiding import unless_hidden
from functions.pages.organizations.org_request import OrgRequest, OrgRequestDep
from functions.pages.visitor import FormDep

router = APIRouter()
_SAML = "/{org}/settings/saml"
_HOURS_DIGITS = 5


@router.get(_SAML)
def show_saml(request: OrgRequestDep, done: Annotated[str, Query()] = "") -> Response:
    """Show the provider of an organization."""
    return _page(request, done=done)


@router.post(_SAML)
def change_metadata(request: OrgRequestDep, form: FormDep) -> Response:
    """Set up a provider by its metadata; an empty text deletes it."""
    return _change(request, lambda: _update(request, Change(text=form.text("metadata"))))


@router.post(f"{_SAML}/rule")
def change_rule(request: OrgRequestDep, form: FormDep) -> Response:
    """Require members to sign in through the provider, and how often, or stop to."""

    def act() -> None:
        hours = form.text("hours") or "0"
        if not hours.isascii() or not hours.isdigit() or len(hours) > _HOURS_DIGITS:
            raise BadRequest("enter the hours as a number")
        _update(request, Change(required=form.text("required") == "yes", session_hours=int(hours)))

    return _change(request, act)


@router.post(f"{_SAML}/admin")
def set_admin(request: OrgRequestDep, form: FormDep) -> Response:
    """Name the member who can sign in without the provider, to repair it."""
    return _change(request, lambda: saml.set_admin(request.backend, request.caller, request.org, form.text("login")))


def _update(request: OrgRequest, change: Change) -> None:
    saml.change_setup(request.backend, request.caller, request.org, change)


def _change(request: OrgRequest, act: Callable[[], None]) -> Response:
    return request.change(act, f"{request.address('saml')}?done=saved", lambda error: _page(request, error=error))


def _page(request: OrgRequest, *, done: str = "", error: BackendError | None = None) -> Response:
    backend, caller, org = request.backend, request.caller, request.org
    setup = unless_hidden(lambda: saml.get_setup(backend, caller, org))
    server = base_url(backend.settings)
    login = f"{server}/login/{org}/sso/saml"
    content = {
        "setup": setup,
        "admins": [person.login for person in saml.list_admins(backend, caller, org)],
        "addresses": (
            ("Metadata", f"{login}/metadata"),
            ("Assertion consumer service (ACS)", f"{login}/acs"),
            ("Members sign in at", f"{server}/signin/sso/{org}"),
        ),
        "hours_limit": HOURS_LIMIT,
        "may_update": request.may(Permission.SAML_UPDATE),
    }
    return request.page("saml", content, done=done, error=error)
