"""Change requests of an environment: a list, one with its gates and approvals, what it changes, and what is done with it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Response

from common.approvals.model import COMMENT_LIMIT, DESCRIPTION_LIMIT, Action, ChangeRequest, RequestFilter, require_text
from common.change_requests.service import decisions
from common.core.errors import BackendError, BadRequest, Conflict
from common.environments.change_target import OpenTerms
from common.environments.service import change_requests, drafts, open_requests
from common.environments.service.change_requests import RequestChanges, RequestDetail
from common.environments.service.drafts import Rebased
from common.rights.permissions import Permission
from functions.pages.environments.environment_request import EnvironmentRequest, EnvironmentRequestDep
from functions.pages.environments.line_differences import compare_lines
from functions.pages.form_errors import attempt
from functions.pages.hiding import unless_hidden
from functions.pages.organizations.choices import clean
from functions.pages.paging import PAGE_ROWS
from functions.pages.rendering import see_other
from functions.pages.visitor import Form, FormDep

router = APIRouter()
_LIST = "/{org}/esc/{project}/{environment}/change-requests"
_REQUEST = f"{_LIST}/{{request_id}}"
_SHOWN = {"": True, "closed": False, "all": None}
_KINDS = {"update": Action.UPDATE, "open": Action.OPEN}
_HOUR_SECONDS = 3600
# As the command line has them.
_GRANT_HOURS, _ACCESS_HOURS = "25", "72"
_TITLE_LIMIT = 100
_Text = Annotated[str, Query()]


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The filters of an address, as texts."""

    show: str = ""
    kind: str = ""
    by: str = ""

    def filters(self) -> dict[str, str]:
        """Return the fields that the address has."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name))}

    def to_filter(self) -> RequestFilter:
        """Return what the list is narrowed to."""
        return RequestFilter(action=_KINDS.get(self.kind), creator=self.by or None, is_open=_SHOWN[self.show])


async def get_list_query(show: _Text = "", kind: _Text = "", by: _Text = "") -> ListQuery:
    """Return the filters of an address."""
    return ListQuery(show if show in _SHOWN else "", kind if kind in _KINDS else "", clean(by))


ListQueryDep = Annotated[ListQuery, Depends(get_list_query)]


@router.get(_LIST)
def list_requests(request: EnvironmentRequestDep, query: ListQueryDep, after: _Text = "") -> Response:
    """Show a page of the change requests, and the form that requests access to open the environment."""
    return _list_page(request, query, after)


@router.post(_LIST)
def request_access(request: EnvironmentRequestDep, form: FormDep) -> Response:
    """Request access to open the environment, and what it imports behind a gate; the requests are submitted at once."""

    def act() -> Response:
        terms = OpenTerms(_seconds(form.text("grant_hours")), _seconds(form.text("access_hours")))
        description = form.text("description")
        # Before requests are made: those that cannot be submitted would stay as drafts.
        require_text("a description", description, DESCRIPTION_LIMIT)
        made = open_requests.create(request.backend, request.caller, request.path, terms)
        for one in made:
            decisions.submit(request.backend, request.caller, request.path.org, one.request.id, description)
        own = next((one.request.id for one in made if one.path == request.path), "")
        return see_other(f"{request.address('change-requests', *([own] if own else []))}?done=requested")

    return attempt(act, lambda error: _list_page(request, error=error, form=form))


@router.get(_REQUEST)
def show_request(request: EnvironmentRequestDep, request_id: str, done: _Text = "") -> Response:
    """Show a change request with its gates and approvals, and what the visitor may do with it."""
    return _request_page(request, request_id, done=done)


@router.get(f"{_REQUEST}/changes")
def show_changes(request: EnvironmentRequestDep, request_id: str) -> Response:
    """Show what a change request changes, and its log; the page of the request has it in itself with script."""
    changes = unless_hidden(lambda: change_requests.get_changes(request.backend, request.caller, request.path, request_id))
    content = {
        "request": changes.request,
        "heading_text": title_of(changes.request),
        "changes": changes,
        "lines": _lines(changes),
        "has_more": len(changes.events) == change_requests.EVENTS_SHOWN,
    }
    return request.page("change-request-changes", changes.viewed, content)


@router.post(f"{_REQUEST}/submit")
def submit(request: EnvironmentRequestDep, request_id: str, form: FormDep) -> Response:
    """Submit a draft for approval."""
    description = form.text("description")
    return _act(request, request_id, "submitted", decisions.submit, description)


@router.post(f"{_REQUEST}/approve")
def approve(request: EnvironmentRequestDep, request_id: str, form: FormDep) -> Response:
    """Approve the revision that the page showed."""
    number, comment = form.text("revision"), form.text("comment")
    revision = int(number) if number.isascii() and number.isdigit() and len(number) < 8 else -1
    return _act(request, request_id, "approved", decisions.approve, revision, comment)


@router.post(f"{_REQUEST}/withdraw")
def withdraw(request: EnvironmentRequestDep, request_id: str, form: FormDep) -> Response:
    """Withdraw the visitor's own approval."""
    comment = form.text("comment")
    return _act(request, request_id, "withdrawn", decisions.unapprove, comment)


@router.post(f"{_REQUEST}/close")
def close(request: EnvironmentRequestDep, request_id: str, form: FormDep) -> Response:
    """Close a request for good."""
    comment = form.text("comment")
    return _act(request, request_id, "closed", decisions.close, comment)


@router.post(f"{_REQUEST}/comment")
def comment(request: EnvironmentRequestDep, request_id: str, form: FormDep) -> Response:
    """Add a comment."""
    text = form.text("comment")
    return _act(request, request_id, "commented", decisions.add_comment, text)


@router.post(f"{_REQUEST}/describe")
def describe(request: EnvironmentRequestDep, request_id: str, form: FormDep) -> Response:
    """Change the description."""
    text = form.text("description")
    return _act(request, request_id, "described", decisions.update_description, text)


@router.post(f"{_REQUEST}/apply")
def apply(request: EnvironmentRequestDep, request_id: str, form: FormDep) -> Response:
    """Do what a request proposes."""
    _ = form
    return _act(request, request_id, "applied", decisions.apply)


@router.post(f"{_REQUEST}/rebase")
def rebase(request: EnvironmentRequestDep, request_id: str, form: FormDep) -> Response:
    """Merge what changed in the environment into a draft; conflicts are shown, and the draft stays as it is."""
    _ = form

    def act() -> Response:
        rebased = drafts.rebase(request.backend, request.caller, request.path, request_id)
        if rebased.conflicts:
            error = Conflict("the draft cannot be rebased by itself: it and the environment change the same lines")
            return _request_page(request, request_id, error, rebased=rebased)
        return see_other(f"{request.address('change-requests', request_id)}?done=rebased")

    return attempt(act, lambda error: _request_page(request, request_id, error))


def title_of(request: ChangeRequest) -> str:
    """Return the first line of the description of a request, or what it is."""
    first = request.description.strip().partition("\n")[0][:_TITLE_LIMIT].strip()
    if first:
        return first
    return "Request to open" if request.action is Action.OPEN else "Draft without a description"


def _act(request: EnvironmentRequest, request_id: str, done: str, act: Callable[..., object], *arguments: object) -> Response:
    """Return the way back to a request of this environment after a use case did something with it."""
    _get_detail(request, request_id)
    return request.change(
        lambda: act(request.backend, request.caller, request.path.org, request_id, *arguments),
        f"{request.address('change-requests', request_id)}?done={done}",
        lambda error: _request_page(request, request_id, error),
    )


def _get_detail(request: EnvironmentRequest, request_id: str) -> RequestDetail:
    return unless_hidden(lambda: change_requests.get_detail(request.backend, request.caller, request.path, request_id))


def _list_page(
    request: EnvironmentRequest,
    query: ListQuery = ListQuery(),
    after: str = "",
    *,
    error: BackendError | None = None,
    form: Form | None = None,
) -> Response:
    page = unless_hidden(
        lambda: change_requests.page_requests(
            request.backend, request.caller, request.path, query.to_filter(), after or None, PAGE_ROWS
        )
    )
    path = request.address("change-requests")
    filters = query.filters()
    newest = f"{path}?{urlencode(filters)}" if filters else path
    defaults = {"description": "", "grant_hours": _GRANT_HOURS, "access_hours": _ACCESS_HOURS}
    content = {
        "query_fields": query,
        "path": path,
        "rows": [(title_of(row.request), row) for row in page.requests],
        "newest": newest if after else "",
        "older": f"{newest}{'&' if filters else '?'}after={quote(page.next_token, safe='')}" if page.next_token else "",
        "entered": {name: form.text(name) if form is not None else text for name, text in defaults.items()},
        "may_request": Permission.ENVIRONMENT_OPEN in page.viewed.permissions,
        "description_limit": DESCRIPTION_LIMIT,
    }
    return request.page("change-requests", page.viewed, content, error)


def _request_page(
    request: EnvironmentRequest,
    request_id: str,
    error: BackendError | None = None,
    *,
    done: str = "",
    rebased: Rebased | None = None,
) -> Response:
    detail = _get_detail(request, request_id)
    content = {
        "heading_text": title_of(detail.request),
        "detail": detail,
        "request": detail.request,
        "path": request.address("change-requests", request_id),
        "conflicts": rebased.conflicts if rebased is not None else (),
        "hours": {
            "grant": detail.terms.grant_expiration_seconds / _HOUR_SECONDS,
            "access": detail.terms.access_duration_seconds / _HOUR_SECONDS,
        }
        if detail.terms is not None
        else {},
        "description_limit": DESCRIPTION_LIMIT,
        "comment_limit": COMMENT_LIMIT,
    }
    return request.page("change-request", detail.viewed, content, error, done)


def _lines(changes: RequestChanges) -> object:
    if changes.before is None:
        return None
    old, new = (text.decode("utf-8", "replace").replace("\r\n", "\n") for text in (changes.before, changes.revision.content))
    return compare_lines(old, new)


def _seconds(hours: str) -> int:
    if not (hours.isascii() and hours.isdigit() and len(hours) < 6):
        raise BadRequest("hours must be a whole number")
    return int(hours) * _HOUR_SECONDS
