"""Signing in through an organization's own SAML provider; how its three requests work: common/sign_in/saml/service/sign_in.py."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from common.sign_in.saml.model import Choice
from common.sign_in.saml.service import sign_in
from common.sign_in.saml.service.sign_in import Finished, Question
from functions.http.bodies import AnswerBodyDep
from functions.http.deps import BackendDep
from functions.pages.rendering import page, see_other
from functions.pages.visitor import Form, FormDep, Visitor, VisitorDep, local_path, parse_form

router = APIRouter()
_SIGN_IN, _LOGIN = "/signin/sso/{org}", "/login/{org}/sso/saml"
_METADATA = "application/samlmetadata+xml"
_Query = Annotated[str, Query()]


def get_answer(body: AnswerBodyDep) -> Form:
    """Return the form that a provider had the browser send: it comes from elsewhere and carries no key of ours."""
    return parse_form(body.text)


AnswerDep = Annotated[Form, Depends(get_answer)]


@router.get(_SIGN_IN)
def begin(visitor: VisitorDep, backend: BackendDep, org: str, return_to: _Query = "") -> Response:
    """Send the browser to an organization's provider."""
    address = sign_in.begin(backend, org, visitor.visit, return_to=local_path(return_to), client=visitor.client, force=False)
    return _led_to_provider(visitor, address)


@router.get(f"{_SIGN_IN}/reauth")
def begin_again(visitor: VisitorDep, backend: BackendDep, org: str, return_to: _Query = "") -> Response:
    """Send the browser there to be asked anew who it is: the address that the command line tells people to open."""
    address = sign_in.begin(backend, org, visitor.visit, return_to=local_path(return_to), client=visitor.client, force=True)
    return _led_to_provider(visitor, address)


@router.get(f"{_SIGN_IN}/finish")
def finish(visitor: VisitorDep, backend: BackendDep, org: str, code: _Query = "") -> Response:
    """Sign the browser in that comes back, or ask what is to be decided first."""
    return _shown(visitor, sign_in.finish(backend, visitor.caller, org, browser=visitor.visit, code=code, client=visitor.client))


@router.post(f"{_SIGN_IN}/finish")
def finish_as_chosen(visitor: VisitorDep, backend: BackendDep, org: str, form: FormDep) -> Response:
    """Sign the browser in as it was decided."""
    code, choice = form.text("code"), _choice(form.text("choice"))
    return _shown(
        visitor,
        sign_in.finish(
            backend,
            visitor.caller,
            org,
            browser=visitor.visit,
            code=code,
            choice=choice,
            client=visitor.client,
        ),
    )


@router.get(f"{_LOGIN}/metadata")
def show_metadata(backend: BackendDep, org: str) -> Response:
    """Tell an organization's provider what it has to know of this server."""
    return Response(sign_in.describe(backend, org), media_type=_METADATA, headers={"X-Content-Type-Options": "nosniff"})


@router.post(f"{_LOGIN}/acs")
def receive(backend: BackendDep, org: str, answer: AnswerDep) -> Response:
    """Take a provider's answer."""
    arrived = sign_in.receive(backend, org, answer.exact("SAMLResponse"), answer.exact("RelayState"))
    return see_other(arrived.location)


def _led_to_provider(visitor: Visitor, address: str) -> Response:
    response = see_other(address)
    visitor.keep_visit(response)
    return response


def _choice(text: str) -> Choice:
    return Choice(text) if text in list(Choice) else Choice.NONE


def _shown(visitor: Visitor, result: Finished | Question) -> Response:
    if isinstance(result, Question):
        return page(visitor, "sso-question", question=result)
    response = see_other(local_path(result.return_to))
    visitor.sign_in(response, result.session)
    return response
