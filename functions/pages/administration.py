"""Pages for site administrators: server, checks, backups, organizations, users, jobs, mail, and messages that were given up."""

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as package_version
from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import NotFound
from common.installation import doctor, site
from common.mailing import service as mailing
from common.outbox import service as outbox
from common.rights.caller import Caller
from common.sign_in.mails import service as mails
from functions.http.deps import BackendDep
from functions.jobs import JOBS
from functions.pages.paging import PAGE_ROWS, PageNumberDep, Paging
from functions.pages.rendering import page, see_other
from functions.pages.visitor import FormDep, PersonDep, Visitor, VisitorDep

router = APIRouter()
_MAILS, _MESSAGES = "/admin/mails", "/admin/messages"
_DOCTOR, _BACKUPS = "/admin/doctor", "/admin/backups"
_ORGANIZATIONS, _USERS, _JOBS = "/admin/organizations", "/admin/users", "/admin/jobs"
_TEXT_LIMIT = 200
_Text = Annotated[str, Query()]
# The database holds no longer one.
_NUMBER_LENGTH = 19


@router.get("/admin")
def show_server(visitor: VisitorDep, backend: BackendDep, person: PersonDep) -> Response:
    """Show what the server works with, and what there is to look at."""
    facts = site.get_server(backend, person)
    return page(visitor, "administration/server", facts=facts, version=_version(), python=platform.python_version(), news="")


@router.get(_DOCTOR)
def show_checks(visitor: VisitorDep, backend: BackendDep, person: PersonDep) -> Response:
    """Show the checks of the installation that change nothing."""
    checks = doctor.examine(backend, person, with_services=False)
    return page(visitor, "administration/doctor", checks=checks, news="")


@router.post(_DOCTOR)
def run_checks(visitor: VisitorDep, backend: BackendDep, person: PersonDep, _form: FormDep) -> Response:
    """Run all checks, those of the object stores and the key too, and show how they ended."""
    checks = doctor.examine(backend, person, with_services=True)
    return page(visitor, "administration/doctor", checks=checks, news="")


@router.get(_BACKUPS)
def list_backups(visitor: VisitorDep, backend: BackendDep, person: PersonDep) -> Response:
    """Show the last good backup and the last runs of `stackhold backup`."""
    status, days = site.get_backups(backend, person), backend.settings.backup_days
    return page(visitor, "administration/backups", backups=status, days=days, news="")


@router.get(_ORGANIZATIONS)
def list_organizations(
    visitor: VisitorDep, backend: BackendDep, person: PersonDep, number: PageNumberDep, q: _Text = ""
) -> Response:
    """Show a page of all organizations."""
    text = q.strip()[:_TEXT_LIMIT]
    rows, total = site.page_organizations(backend, person, text, size=PAGE_ROWS, number=number)
    paging = Paging(_ORGANIZATIONS, {"q": text}, number, len(rows), total)
    return page(visitor, "administration/organizations", rows=rows, text=text, paging=paging, news="")


@router.get(_USERS)
def list_users(visitor: VisitorDep, backend: BackendDep, person: PersonDep, number: PageNumberDep, q: _Text = "") -> Response:
    """Show a page of all people."""
    text = q.strip()[:_TEXT_LIMIT]
    rows, total = site.page_users(backend, person, text, size=PAGE_ROWS, number=number)
    paging = Paging(_USERS, {"q": text}, number, len(rows), total)
    return page(visitor, "administration/users", rows=rows, text=text, paging=paging, news="")


@router.get(_JOBS)
def list_jobs(visitor: VisitorDep, backend: BackendDep, person: PersonDep, done: _Text = "") -> Response:
    """Show the scheduled jobs with their last runs."""
    rows = site.list_jobs(backend, person)
    jobs = [(job.name, job.period_seconds, rows.get(job.name)) for job in sorted(JOBS, key=lambda job: job.name)]
    news = "The job runs as soon as a process looks for jobs." if done else ""
    return page(visitor, "administration/jobs", jobs=jobs, now=unix_millis(backend.clock.now()), news=news)


@router.post(_JOBS)
def run_job(backend: BackendDep, person: PersonDep, form: FormDep) -> Response:
    """Make a job due now."""
    site.run_job(backend, person, form.text("name"))
    return see_other(f"{_JOBS}?done=run")


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


@router.post(f"{_MAILS}/retry")
def retry_mail(backend: BackendDep, person: PersonDep, form: FormDep) -> Response:
    """Send a mail that was given up after all."""
    mailing.retry_mail(backend, person, form.text("id"))
    return see_other(_MAILS)


@router.get(_MESSAGES)
def list_failed_messages(
    visitor: VisitorDep,
    backend: BackendDep,
    person: PersonDep,
    after: Annotated[str, Query()] = "",
    done: _Text = "",
) -> Response:
    """Show a page of the messages that were given up, the newest first."""
    news = "The message is delivered again as soon as a process looks for messages." if done else ""
    messages, following = outbox.page_failed(backend, person, after or None)
    return page(visitor, "administration/messages", news=news, messages=messages, following=following or "", is_first=not after)


@router.post(f"{_MESSAGES}/retry")
def retry_message(backend: BackendDep, person: PersonDep, form: FormDep) -> Response:
    """Deliver a message after all."""
    number = form.text("number")
    if not (number.isascii() and number.isdigit() and len(number) < _NUMBER_LENGTH):
        raise NotFound("there is no message with this number")
    outbox.retry(backend, person, int(number))
    return see_other(f"{_MESSAGES}?done=retry")


def _mails_page(visitor: Visitor, backend: Backend, person: Caller, *, after: str = "", link: str = "") -> Response:
    unsent, following = mailing.page_mails(backend, person, after or None)
    return page(
        visitor,
        "administration/mails",
        news="",
        mails=unsent,
        following=following or "",
        is_first=not after,
        link=link,
        is_real=backend.mailer.is_real,
    )


def _version() -> str:
    """Return the release of this program; packages for the clouds do not name it."""
    try:
        return package_version("stackhold")
    except PackageNotFoundError:
        return ""
