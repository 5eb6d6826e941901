"""Signing in through a provider of the installation, and the accounts there that are linked to one's own."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from common.core.errors import NotFound
from common.sign_in.external import providers, service
from common.sign_in.model import AuthorizationResponse, Provider
from functions.http.deps import BackendDep
from functions.pages.rendering import page, see_other
from functions.pages.visitor import FormDep, PersonDep, VisitorDep, local_path

router = APIRouter()
_IDENTITIES = "/settings/identities"
_Query = Annotated[str, Query()]
_NEWS = {"linked": "The account was linked.", "unlinked": "The account was unlinked."}


def get_response(state: _Query = "", code: _Query = "", error: _Query = "", iss: _Query = "") -> AuthorizationResponse:
    """Return what a provider sent the browser back with."""
    return AuthorizationResponse(state=state, code=code, error=error, issuer=iss)


ResponseDep = Annotated[AuthorizationResponse, Depends(get_response)]


@router.get("/signin/{key}")
def begin(visitor: VisitorDep, backend: BackendDep, key: str, return_to: _Query = "") -> Response:
    """Send the browser to a provider."""
    address = service.begin(backend, _provider(key), visitor.visit, local_path(return_to), client=visitor.client)
    response = see_other(address)
    visitor.keep_visit(response)
    return response


@router.get("/signin/{key}/callback")
def finish(visitor: VisitorDep, backend: BackendDep, key: str, authorization: ResponseDep) -> Response:
    """Take the browser back from a provider: signed in, or with another account linked."""
    finished = service.finish(backend, visitor.caller, _provider(key), visitor.visit, authorization, client=visitor.client)
    response = see_other(finished.return_to)
    if finished.session is not None:
        visitor.sign_in(response, finished.session)
    return response


@router.get(_IDENTITIES)
def show_identities(visitor: VisitorDep, backend: BackendDep, person: PersonDep, news: _Query = "") -> Response:
    """Show the accounts that one signs in with, and what else can be linked."""
    settings = backend.settings
    return page(
        visitor,
        "identities",
        identities=service.list_identities(backend, person),
        offers=providers.list_offers(settings),
        labels=providers.labels_of(settings),
        problem="",
        news=_NEWS.get(news, ""),
    )


@router.post(f"{_IDENTITIES}/link")
def link_identity(visitor: VisitorDep, backend: BackendDep, person: PersonDep, form: FormDep) -> Response:
    """Lead to a provider to link an account. Not by a redirect: browsers would hold the form to places of our own."""
    key, return_to = _provider(form.text("provider")), f"{_IDENTITIES}?news=linked"
    address = service.begin_linking(backend, person, key, visitor.visit, return_to)
    return page(visitor, "identity-link", address=address, label=providers.label_of(backend.settings, key))


@router.post(f"{_IDENTITIES}/unlink")
def unlink_identity(backend: BackendDep, person: PersonDep, form: FormDep) -> Response:
    """Take a linked account away."""
    service.unlink(backend, person, form.text("provider"), form.exact("subject"))
    return see_other(f"{_IDENTITIES}?news=unlinked")


def _provider(key: str) -> Provider:
    if key not in list(Provider):
        raise NotFound("there is no such provider")
    return Provider(key)
