"""Pages for administrators of the installation: mail that waits or could not be sent, and messages that were given up."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.backend import Backend
from common.core.errors import NotFound
from common.mailing import service as mailing
from common.outbox import service as outbox
from common.rights.caller import Caller
from common.sign_in.mails import service as mails
from functions.http.deps import BackendDep
from functions.pages.rendering import page, see_other
from functions.pages.visitor import FormDep, PersonDep, Visitor, VisitorDep

router = APIRouter()
_MAILS, _MESSAGES = "/admin/mails", "/admin/messages"
# The database holds no longer one.
_NUMBER_LENGTH = 19


@router.get("/admin")
def start() -> Response:
    """Lead to the page to begin with."""
    return see_other(_MAILS)


@router.get(_MAILS)
def list_mails(
    visitor: VisitorDep,
    backend: BackendDep,
    person: PersonDep,
    after: Annotated[str, Query()] = "",
) -> Response:
    """Show a page of mails, the newest first."""
    return _mails_page(visitor, backend, person, after=after)


@router.post(f"{_MAILS}/link")
def make_link(visitor: VisitorDep, backend: BackendDep, person: PersonDep, form: FormDep) -> Response:
    """Make a fresh link of a mail that was not sent, and show it, this once."""
    return _mails_page(visitor, backend, person, link=mails.make_link(backend, person, form.text("id")))


@router.get(_MESSAGES)
def list_failed_messages(
    visitor: VisitorDep,
    backend: BackendDep,
    person: PersonDep,
    after: Annotated[str, Query()] = "",
) -> Response:
    """Show a page of the messages that were given up, the newest first."""
    messages, following = outbox.page_failed(backend, person, after or None)
    return page(visitor, "messages", messages=messages, following=following or "", is_first=not after)


@router.post(f"{_MESSAGES}/retry")
def retry_message(backend: BackendDep, person: PersonDep, form: FormDep) -> Response:
    """Deliver a message after all."""
    number = form.text("number")
    if not (number.isascii() and number.isdigit() and len(number) < _NUMBER_LENGTH):
        raise NotFound("there is no message with this number")
    outbox.retry(backend, person, int(number))
    return see_other(_MESSAGES)


def _mails_page(visitor: Visitor, backend: Backend, person: Caller, *, after: str = "", link: str = "") -> Response:
    unsent, following = mailing.page_mails(backend, person, after or None)
    return page(
        visitor,
        "mails",
        mails=unsent,
        following=following or "",
        is_first=not after,
        link=link,
        is_real=backend.mailer.is_real,
    )
