"""Signing in and out, and the stylesheet. Every way in ends with a fresh session; none goes on with one from before."""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request, Response

from common.backend import Backend
from common.core.errors import NotFound
from common.core.names import require_owner_name
from common.sign_in.accounts.service import accounts, sign_in_links, sign_up
from common.sign_in.accounts.steps import is_sign_in_enabled
from common.sign_in.external import providers
from common.sign_in.sessions import service as sessions
from functions.http.deps import BackendDep
from functions.pages import static_files
from functions.pages.failures import reason
from functions.pages.form_errors import attempt
from functions.pages.frame import find_home, home_address
from functions.pages.rendering import page, see_other
from functions.pages.visitor import HOME, Form, FormDep, Visitor, VisitorDep, local_path

router = APIRouter()
_ReturnTo = Annotated[str, Query()]
# Browsers drop a page that they loaded ahead when its status is an error (developer.mozilla.org, "Sec-Purpose").
NOT_YET = 503
_FOR_EVER = "public, max-age=31536000, immutable"


@router.get("/")
def start(visitor: VisitorDep) -> Response:
    """Lead to the page to begin with."""
    home = find_home(visitor.caller) if visitor.caller is not None else None
    other = HOME if visitor.caller is not None else "/signin"
    return see_other(home_address(home) if home is not None else other)


@router.get("/signin")
def show_sign_in(visitor: VisitorDep, backend: BackendDep, return_to: _ReturnTo = "") -> Response:
    """Show the ways to sign in; a user who is signed in goes on."""
    if visitor.caller is not None:
        return see_other(local_path(return_to))
    return _ways(visitor, backend, return_to)


@router.post("/signin")
def sign_in(visitor: VisitorDep, backend: BackendDep, form: FormDep) -> Response:
    """Sign in by address or user name, and password."""
    name, password = form.text("name"), form.exact("password")
    return _enter(visitor, backend, form, "name", lambda: accounts.sign_in(backend, name, password, client=visitor.client))


@router.post("/signin/token")
def sign_in_by_token(visitor: VisitorDep, backend: BackendDep, form: FormDep) -> Response:
    """Sign in with a personal access token of one's own."""
    token = form.text("token")
    return _enter(visitor, backend, form, "token", lambda: sessions.sign_in_with_token(backend, token, client=visitor.client))


@router.get("/signin/link")
def sign_in_by_link(request: Request, visitor: VisitorDep, backend: BackendDep, token: str = "") -> Response:
    """Sign in by a link that the server printed for the operator."""
    if request.method != "GET" or "prefetch" in request.headers.get("sec-purpose", ""):
        # A browser that loads the page before anyone opened it would use the link up.
        return Response(status_code=NOT_YET)
    return _entered(visitor, sign_in_links.sign_in(backend, token, client=visitor.client), "/")


@router.get("/signin/organization")
def sign_in_through_organization(visitor: VisitorDep, org: str = "", return_to: _ReturnTo = "") -> Response:
    """Lead to an organization's provider. Not by a redirect: browsers would hold the form to places of our own."""
    require_owner_name(org)
    address = f"/signin/sso/{quote(org, safe='')}?{urlencode({'return_to': local_path(return_to)})}"
    return page(visitor, "signin-organization", org=org, address=address)


@router.post("/signout")
def sign_out(visitor: VisitorDep, backend: BackendDep, form: FormDep) -> Response:
    """End the session, here and on the server."""
    _ = form
    response = see_other("/signin")
    if visitor.caller is not None:
        sessions.end(backend, visitor.caller)
    visitor.sign_out(response)
    return response


@router.get("/assets/{name}")
async def asset(name: str) -> Response:
    """Return a script or style sheet, kept for ever under its hash; a page of another release gets ours, to be used once."""
    file = static_files.find(name)
    if file is None:
        raise NotFound("this page does not exist")
    keeping = _FOR_EVER if file.is_exact else "no-store"
    headers = {"Cache-Control": keeping, "X-Content-Type-Options": "nosniff"}
    return Response(file.content, media_type=file.media_type, headers=headers)


def _enter(visitor: Visitor, backend: Backend, form: Form, field: str, sign_in: Callable[[], str]) -> Response:
    """Return the way on with a new session, or the sign-in page that says what was wrong."""
    return_to = form.text("return_to")
    return attempt(
        lambda: _entered(visitor, sign_in(), return_to),
        lambda error: _ways(visitor, backend, return_to, status=int(error.status), problem=reason(error), field=field),
    )


def _entered(visitor: Visitor, secret: str, return_to: str) -> Response:
    response = see_other(local_path(return_to))
    visitor.sign_in(response, secret)
    return response


def _ways(
    visitor: Visitor,
    backend: Backend,
    return_to: str,
    *,
    status: int = 200,
    problem: str = "",
    field: str = "",
) -> Response:
    settings, where = backend.settings, local_path(return_to)
    query = urlencode({"return_to": where})
    offered = [(offer.label, f"/signin/{offer.key}?{query}") for offer in providers.list_offers(settings)]
    return page(
        visitor,
        "signin",
        status=status,
        problem=problem,
        field=field,
        return_to=where,
        providers=offered,
        has_login=is_sign_in_enabled(settings),
        has_sign_up=sign_up.is_open(settings),
    )
