"""The page of the reader's email and password, and the form of their name."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.backend import Backend
from common.core.errors import BackendError
from common.rights.caller import Caller
from common.sign_in.accounts.passwords import LONGEST, SHORTEST
from common.sign_in.accounts.service import accounts, email_addresses
from common.sign_in.accounts.steps import is_sign_in_enabled
from functions.http.deps import BackendDep
from functions.pages.failures import reason
from functions.pages.form_errors import attempt
from functions.pages.rendering import page, see_other
from functions.pages.settings import profile_page
from functions.pages.visitor import FormDep, PersonDep, Visitor, VisitorDep

router = APIRouter()
_ACCOUNT = "/settings/account"
_NEWS = {
    "password": "Your password was changed, and all other browsers were signed out.",
    "confirmed": "Your email is confirmed.",
    "asked": "A mail is on its way to the new email. Follow the link in it to confirm it.",
    "cancelled": "Your email stays as it was.",
    "added": "You can sign in with your email and password now.",
}


@router.get(_ACCOUNT)
def show_account(
    visitor: VisitorDep,
    backend: BackendDep,
    person: PersonDep,
    done: Annotated[str, Query()] = "",
) -> Response:
    """Show the caller's email and what waits to be confirmed, with the forms to change it and the password."""
    return _account_page(visitor, backend, person, news=_NEWS.get(done, ""))


@router.post(f"{_ACCOUNT}/name")
def change_name(visitor: VisitorDep, backend: BackendDep, person: PersonDep, form: FormDep) -> Response:
    """Change the caller's name."""

    def change() -> Response:
        accounts.change_name(backend, person, form.text("name"))
        return see_other("/settings?done=name")

    return attempt(change, lambda error: profile_page(visitor, person, error=error))


@router.post(f"{_ACCOUNT}/password")
def change_password(visitor: VisitorDep, backend: BackendDep, person: PersonDep, form: FormDep) -> Response:
    """Change the caller's password; this browser goes on with a fresh session."""

    def change() -> Response:
        session = accounts.change_password(backend, person, form.exact("old"), form.exact("password"))
        response = see_other(f"{_ACCOUNT}?done=password")
        visitor.sign_in(response, session)
        return response

    return attempt(change, lambda error: _account_page(visitor, backend, person, error=error, part="password"))


@router.post(f"{_ACCOUNT}/address")
def request_change(visitor: VisitorDep, backend: BackendDep, person: PersonDep, form: FormDep) -> Response:
    """Ask for another address."""
    return _changed(
        visitor,
        backend,
        person,
        "asked",
        lambda: email_addresses.request_change(backend, person, form.exact("present"), form.text("email")),
    )


@router.post(f"{_ACCOUNT}/address/again")
def send_again(visitor: VisitorDep, backend: BackendDep, person: PersonDep, form: FormDep) -> Response:
    """Mail another link to the address that waits."""
    _ = form
    return _changed(visitor, backend, person, "asked", lambda: email_addresses.resend(backend, person))


@router.post(f"{_ACCOUNT}/address/cancel")
def cancel_change(visitor: VisitorDep, backend: BackendDep, person: PersonDep, form: FormDep) -> Response:
    """Forget the address that was asked for."""
    _ = form
    return _changed(visitor, backend, person, "cancelled", lambda: email_addresses.cancel_change(backend, person))


@router.post(f"{_ACCOUNT}/add")
def add_account(visitor: VisitorDep, backend: BackendDep, person: PersonDep, form: FormDep) -> Response:
    """Give the caller an address and a password to sign in with."""
    return _changed(
        visitor,
        backend,
        person,
        "added",
        lambda: email_addresses.add_account(backend, person, form.text("email"), form.exact("password")),
    )


def _changed(visitor: Visitor, backend: Backend, person: Caller, done: str, change: Callable[[], None]) -> Response:
    def act() -> Response:
        change()
        return see_other(f"{_ACCOUNT}?done={done}")

    return attempt(act, lambda error: _account_page(visitor, backend, person, error=error, part=done))


def _account_page(
    visitor: Visitor,
    backend: Backend,
    person: Caller,
    *,
    error: BackendError | None = None,
    part: str = "",
    news: str = "",
) -> Response:
    return page(
        visitor,
        "account",
        status=int(error.status) if error is not None else 200,
        account=accounts.find_account(backend, person),
        is_offered=is_sign_in_enabled(backend.settings),
        news=news,
        problem=reason(error) if error is not None else "",
        part=part,
        is_mailed=backend.mailer.is_real,
        shortest=SHORTEST,
        longest=LONGEST,
    )
