"""Pages for people who have no session yet: making an account, confirming an address, another password, invitations.

What a link in a mail leads to shows a button and does nothing before it is pressed: programs that look at mails follow links.
Forms here have no address of their own and go to the page's, so that no page repeats the secret that led to it.
"""

from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Response

from common.backend import Backend
from common.config.public_urls import api_url
from common.core.errors import BackendError
from common.people.orgs.invites import service as invites
from common.sign_in.accounts.model import NewAccount
from common.sign_in.accounts.passwords import LONGEST, SHORTEST
from common.sign_in.accounts.service import email_addresses, password_reset
from common.sign_in.accounts.service import sign_up as sign_ups
from common.sign_in.accounts.steps import is_sign_in_enabled
from functions.http.deps import BackendDep
from functions.pages import captchas
from functions.pages.failures import reason
from functions.pages.form_errors import attempt
from functions.pages.hiding import missing
from functions.pages.rendering import page, see_other
from functions.pages.visitor import FormDep, PersonDep, Visitor, VisitorDep, local_path, sign_in_path

router = APIRouter()
_Query = Annotated[str, Query()]
_ACCOUNT = "/settings/account"
_INVITATION = "/invites/{org}/{invite_id}"


@router.get("/signup")
def show_sign_up(visitor: VisitorDep, backend: BackendDep, token: _Query = "") -> Response:
    """Show the form for an account, with the address of the invitation that leads here."""
    invite = sign_ups.find_invitation(backend, token)
    return _sign_up_page(visitor, backend, NewAccount("", "", invite.email if invite is not None else "", "", token))


@router.post("/signup")
def sign_up(
    visitor: VisitorDep,
    backend: BackendDep,
    form: FormDep,
    token: _Query = "",
    return_to: _Query = "",
) -> Response:
    """Create an account and sign it in."""
    new = NewAccount(
        form.text("login"),
        form.text("name"),
        form.text("email"),
        form.exact("password"),
        token,
    )
    invite = sign_ups.find_invitation(backend, token)
    then = welcome_address(invite.org_login) if invite is not None else return_to
    return attempt(
        lambda: _entered(visitor, sign_ups.sign_up(backend, new, client=visitor.client), then),
        lambda error: _sign_up_page(visitor, backend, new, error),
    )


@router.get("/verify")
def show_verification(visitor: VisitorDep, person: PersonDep) -> Response:
    """Ask whether an address is to be confirmed; a visitor who is not signed in does that first."""
    _ = person
    return page(visitor, "verify", problem="")


@router.post("/verify")
def verify(
    visitor: VisitorDep,
    backend: BackendDep,
    person: PersonDep,
    form: FormDep,
    token: _Query = "",
) -> Response:
    """Confirm an address."""
    _ = form

    def confirm() -> Response:
        email_addresses.verify(backend, person, token)
        return see_other(f"{_ACCOUNT}?done=confirmed")

    return attempt(confirm, lambda error: page(visitor, "verify", status=int(error.status), problem=reason(error)))


@router.get("/reset")
def show_reset(visitor: VisitorDep, backend: BackendDep) -> Response:
    """Show the form that asks for a mail with a link to another password."""
    return _reset_page(visitor, backend, is_offered=is_sign_in_enabled(backend.settings))


@router.post("/reset")
def request_reset(visitor: VisitorDep, backend: BackendDep, form: FormDep) -> Response:
    """Ask for the mail, and say the same for every address."""

    def ask() -> Response:
        answer = form.text(captchas.FIELD)
        password_reset.request_reset(backend, form.text("email"), captcha_answer=answer, client=visitor.client)
        return _reset_page(visitor, backend, is_done=True)

    return attempt(ask, lambda error: _reset_page(visitor, backend, error=error, email=form.text("email")))


@router.get("/reset/password")
def show_new_password(visitor: VisitorDep) -> Response:
    """Show the form for another password; whether the link is good is said when it is sent."""
    return _new_password_page(visitor)


@router.post("/reset/password")
def reset(visitor: VisitorDep, backend: BackendDep, form: FormDep, token: _Query = "") -> Response:
    """Set another password and sign in."""
    return attempt(
        lambda: _entered(
            visitor,
            password_reset.reset(backend, token, form.exact("password"), client=visitor.client),
            f"{_ACCOUNT}?done=password",
        ),
        lambda error: _new_password_page(visitor, error),
    )


@router.get("/invites/{org}/welcome")
def welcome_member(visitor: VisitorDep, backend: BackendDep, person: PersonDep, org: str) -> Response:
    """Say what to do next in an organization that the visitor has joined."""
    if person.membership(org) is None:
        raise missing()
    return page(visitor, "invitation-welcome", org=org, server=api_url(backend.settings))


@router.get(_INVITATION)
def show_invitation(visitor: VisitorDep, backend: BackendDep, org: str, invite_id: str, proof: _Query = "") -> Response:
    """Show an invitation to anyone who has its address, with what they can do."""
    return _invitation_page(visitor, backend, org, invite_id, proof)


@router.post(_INVITATION)
def accept_invitation(
    backend: BackendDep,
    person: PersonDep,
    form: FormDep,
    org: str,
    invite_id: str,
) -> Response:
    """Accept an invitation."""
    _ = form
    invites.accept_invite(backend, person, org, invite_id)
    return see_other(welcome_address(org))


def welcome_address(org: str) -> str:
    """Return the address of the page that welcomes a new member."""
    return f"/invites/{quote(org, safe='')}/welcome"


def _sign_up_page(
    visitor: Visitor,
    backend: Backend,
    new: NewAccount,
    error: BackendError | None = None,
) -> Response:
    settings = backend.settings
    is_offered = sign_ups.is_open(settings) or (bool(new.token) and not sign_ups.is_disabled(settings))
    return page(
        visitor,
        "signup",
        status=int(error.status) if error is not None else 200,
        is_offered=is_offered,
        problem=reason(error) if error is not None else "",
        new=new,
        shortest=SHORTEST,
        longest=LONGEST,
    )


def _reset_page(
    visitor: Visitor,
    backend: Backend,
    *,
    is_offered: bool = True,
    is_done: bool = False,
    error: BackendError | None = None,
    email: str = "",
) -> Response:
    response = page(
        visitor,
        "reset",
        status=int(error.status) if error is not None else 200,
        is_offered=is_offered,
        is_done=is_done,
        is_mailed=backend.mailer.is_real,
        problem=reason(error) if error is not None else "",
        email=email,
        captcha=captchas.shown(backend.settings),
    )
    return captchas.allowed(response, backend.settings)


def _new_password_page(visitor: Visitor, error: BackendError | None = None) -> Response:
    return page(
        visitor,
        "reset-password",
        status=int(error.status) if error is not None else 200,
        problem=reason(error) if error is not None else "",
        shortest=SHORTEST,
        longest=LONGEST,
    )


def _invitation_page(visitor: Visitor, backend: Backend, org: str, invite_id: str, proof: str) -> Response:
    invite = invites.get_open_invite(backend, org, invite_id)
    caller = visitor.caller
    token = f"{invite_id}.{proof}" if proof else invite_id
    here = f"/invites/{org}/{invite_id}"
    return page(
        visitor,
        "invitation",
        invite=invite,
        here=here,
        sign_in=sign_in_path(here),
        sign_up="" if sign_ups.is_disabled(backend.settings) else f"/signup?{urlencode({'token': token})}",
        is_member=caller is not None and caller.membership(org) is not None,
        is_theirs=caller is not None and invite.is_for(caller.email),
    )


def _entered(visitor: Visitor, session: str, return_to: str) -> Response:
    response = see_other(local_path(return_to, _ACCOUNT))
    visitor.sign_in(response, session)
    return response
