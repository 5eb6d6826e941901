"""Exceptions from policies: listed, created, changed, removed."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Response

from common.core.errors import BackendError, BadRequest
from common.policies.exceptions import model
from common.policies.exceptions import service as exceptions
from common.policies.exceptions.model import ExceptionSearch, ExceptionStatus, Match, NewException
from common.policies.packs import service as packs
from common.rights.permissions import Permission
from functions.pages.form_errors import attempt
from functions.pages.hiding import unless_hidden
from functions.pages.organizations import policy_pages
from functions.pages.organizations.choices import clean
from functions.pages.organizations.org_request import OrgRequest, OrgRequestDep
from functions.pages.paging import PAGE_ROWS
from functions.pages.rendering import see_other
from functions.pages.visitor import Form, FormDep

router = APIRouter()
_LIST = "/{org}/settings/policies/exceptions"
_EXCEPTION = f"{_LIST}/{{exception_id}}"
_DAY_SECONDS = 86_400
# Days, and what a form says of them.
PERIODS = (("7", "In 7 days"), ("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year"), ("", "Never"))
_FIELDS = ("pack", "policies", "targets", "reason")
_Text = Annotated[str, Query()]


@dataclass(frozen=True, slots=True)
class ExceptionFilter:
    """The filters of an address, as texts; `status` is `removed`, or an empty text for the active ones."""

    pack: str = ""
    policy: str = ""
    stack: str = ""
    status: str = ""

    @property
    def search(self) -> ExceptionSearch:
        """Return what is asked of the service."""
        statuses = frozenset((ExceptionStatus.REMOVED if self.status == ExceptionStatus.REMOVED else ExceptionStatus.ACTIVE,))
        return ExceptionSearch(self.pack or None, self.policy or None, self.stack or None, statuses)

    def address(self, path: str, **more: str) -> str:
        """Return the address of a list with these filters."""
        chosen = {"pack": self.pack, "policy": self.policy, "stack": self.stack, "status": self.status, **more}
        query = urlencode({name: text for name, text in chosen.items() if text})
        return f"{path}?{query}" if query else path


async def get_exception_filter(pack: _Text = "", policy: _Text = "", stack: _Text = "", status: _Text = "") -> ExceptionFilter:
    """Return the filters of an address."""
    return ExceptionFilter(clean(pack), clean(policy), clean(stack), clean(status))


ExceptionFilterDep = Annotated[ExceptionFilter, Depends(get_exception_filter)]


@router.get(_LIST)
def list_exceptions(request: OrgRequestDep, chosen: ExceptionFilterDep, after: _Text = "") -> Response:
    """Show a page of exceptions, the newest first, and the form for another."""
    return _list_page(request, chosen, after)


@router.post(_LIST)
def create_exception(request: OrgRequestDep, form: FormDep) -> Response:
    """Create an exception; one for the same policies and resources is changed instead."""

    def act() -> Response:
        match = Match(_lines(form, "policies"), _lines(form, "targets"))
        new = NewException(form.text("pack"), (match,), form.text("reason"), _seconds(form))
        exception, is_new = exceptions.create_exception(request.backend, request.caller, request.org, new)
        return see_other(f"{_address(request, exception.name)}?done={'created' if is_new else 'saved'}")

    return attempt(act, lambda error: _list_page(request, ExceptionFilter(), error=error, form=form))


@router.get(_EXCEPTION)
def show_exception(request: OrgRequestDep, exception_id: str, done: _Text = "") -> Response:
    """Show what an exception is for, why, and until when."""
    return _page(request, exception_id, done=done)


@router.post(_EXCEPTION)
def update_exception(request: OrgRequestDep, exception_id: str, form: FormDep) -> Response:
    """Change the reason and the end of an active exception."""

    def act() -> None:
        exception = exceptions.get_exception(request.backend, request.caller, request.org, exception_id)
        if exception.status is not ExceptionStatus.ACTIVE:
            raise BadRequest(f"{exception.name} is not active any longer; create another exception")
        matches = tuple(model.decode(exception.matches))
        new = NewException(exception.pack, matches, form.text("reason"), _seconds(form))
        exceptions.create_exception(request.backend, request.caller, request.org, new)

    return request.change(
        act,
        f"{_address(request, exception_id)}?done=saved",
        lambda error: _page(request, exception_id, error=error, form=form),
    )


@router.post(f"{_EXCEPTION}/remove")
def remove_exception(request: OrgRequestDep, exception_id: str, form: FormDep) -> Response:
    """Remove an exception: its policies stop updates again."""
    _ = form
    return request.change(
        lambda: exceptions.remove_exception(request.backend, request.caller, request.org, exception_id),
        f"{_address(request, exception_id)}?done=removed",
        lambda error: _page(request, exception_id, error=error),
    )


def _lines(form: Form, name: str) -> list[str]:
    return [line.strip() for line in form.exact(name).splitlines() if line.strip()]


def _seconds(form: Form) -> int | None:
    days = form.text("expires")
    if days not in dict(PERIODS):
        raise BadRequest("choose when the exception ends")
    return int(days) * _DAY_SECONDS if days else None


def _list_page(
    request: OrgRequest,
    chosen: ExceptionFilter,
    after: str = "",
    *,
    error: BackendError | None = None,
    form: Form | None = None,
) -> Response:
    backend, caller, org = request.backend, request.caller, request.org
    rows, following = unless_hidden(
        lambda: exceptions.page_exceptions(backend, caller, org, chosen.search, limit=PAGE_ROWS, token=after or None)
    )
    path = policy_pages.address(request, "exceptions")
    may_create = request.may(Permission.POLICY_EXCEPTIONS_CREATE)
    has_packs = may_create and request.may(Permission.POLICY_PACK_READ)
    content = {
        "chosen": chosen,
        "is_narrowed": chosen != ExceptionFilter() or after != "",
        "rows": [(row, model.decode(row.matches)) for row in rows],
        "path": path,
        "newest": chosen.address(path) if after else "",
        "older": chosen.address(path, after=following) if following else "",
        "may_create": may_create,
        "packs": [pack.name for pack in packs.list_packs(backend, caller, org)] if has_packs else [],
        "periods": PERIODS,
        "entered": {name: form.exact(name) if form is not None else "" for name in (*_FIELDS, "expires")},
    }
    return policy_pages.show(request, "exceptions", content, error=error)


def _page(
    request: OrgRequest, name: str, *, error: BackendError | None = None, done: str = "", form: Form | None = None
) -> Response:
    exception = unless_hidden(lambda: exceptions.get_exception(request.backend, request.caller, request.org, name))
    is_active = exception.status is ExceptionStatus.ACTIVE
    content = {
        "exception": exception,
        "matches": model.decode(exception.matches),
        "is_active": is_active,
        "path": _address(request, exception.name),
        "list_path": policy_pages.address(request, "exceptions"),
        "pack_path": policy_pages.address(request, "packs", exception.pack) if request.may(Permission.POLICY_PACK_READ) else "",
        "periods": PERIODS,
        "reason": form.exact("reason") if form is not None else exception.reason,
        "may_update": is_active and request.may(Permission.POLICY_EXCEPTIONS_CREATE),
        "may_remove": is_active and request.may(Permission.POLICY_EXCEPTIONS_DELETE),
    }
    return policy_pages.show(request, "exception", content, error=error, done=done)


def _address(request: OrgRequest, name: str) -> str:
    return policy_pages.address(request, "exceptions", name)
