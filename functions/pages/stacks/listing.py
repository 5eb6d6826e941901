"""The stacks of an organization: searched, filtered and sorted by the address, a page at a time; tags of several at once."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Response

from common.backend import Backend
from common.config.public_urls import api_url
from common.core.clock import unix_millis
from common.core.errors import BackendError, BadRequest
from common.rights.caller import Caller
from common.stacks.model import StackPath, Status
from common.stacks.overview.service import StackFilter, page_summaries
from common.stacks.service import attributes
from functions.http.deps import BackendDep
from functions.pages.failures import reason
from functions.pages.form_errors import attempt
from functions.pages.hiding import unless_hidden
from functions.pages.paging import PAGE_ROWS, PageNumberDep, Paging
from functions.pages.rendering import page, see_other
from functions.pages.visitor import FormDep, PersonDep, Visitor, VisitorDep

router = APIRouter()
_STATUSES = {status.value: status for status in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.RUNNING)}
_TEXT_LIMIT = 200
_Text = Annotated[str, Query()]


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The filters of an address, as texts."""

    q: str
    project: str
    tag: str
    owner: str
    status: str
    sort: str

    def filters(self) -> dict[str, str]:
        """Return the fields that the address has."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name))}

    def to_filter(self) -> StackFilter:
        """Return what the list is narrowed to."""
        tag, _, value = self.tag.partition("=")
        status = _STATUSES.get(self.status)
        return StackFilter(self.q, self.project, tag, value, self.owner, status, by_update=self.sort == "updated")


async def get_list_query(
    q: _Text = "",
    project: _Text = "",
    tag: _Text = "",
    owner: _Text = "",
    status: _Text = "",
    sort: _Text = "",
) -> ListQuery:
    """Return the filters of an address; texts are cut to a length that can be of use."""
    return ListQuery(*(text.strip()[:_TEXT_LIMIT] for text in (q, project, tag, owner, status, sort)))


ListQueryDep = Annotated[ListQuery, Depends(get_list_query)]


@router.get("/{org}/stacks")
def list_stacks(
    visitor: VisitorDep,
    backend: BackendDep,
    person: PersonDep,
    org: str,
    query: ListQueryDep,
    number: PageNumberDep,
    tagged: _Text = "",
) -> Response:
    """Show a page of stacks, grouped by project, or the ones that changed last."""
    news = f"The tags of {tagged} stack{'' if tagged == '1' else 's'} were changed." if tagged.isdecimal() else ""
    return _list_page(visitor, backend, person, org, query, number, news=news[:_TEXT_LIMIT])


@router.post("/{org}/stacks")
def tag_stacks(
    visitor: VisitorDep,
    backend: BackendDep,
    person: PersonDep,
    org: str,
    query: ListQueryDep,
    number: PageNumberDep,
    form: FormDep,
) -> Response:
    """Set a tag on the chosen stacks, or delete it there; the list is shown again with its filters."""
    unless_hidden(lambda: person.require_member(org, missing=""))
    value = form.text("value") if form.text("action") != "delete" else None

    def change() -> Response:
        paths = {path for text in form.texts("stack") if (path := _path(org, text)) is not None}
        if not paths:
            raise BadRequest("select the stacks to change")
        attributes.update_tag_of_stacks(backend, person, paths, form.text("name"), value)
        filters = {**query.filters(), **({"page": str(number)} if number > 1 else {}), "tagged": str(len(paths))}
        return see_other(f"{_address(org)}?{urlencode(filters)}")

    return attempt(change, lambda error: _list_page(visitor, backend, person, org, query, number, error=error))


def _list_page(
    visitor: Visitor,
    backend: Backend,
    person: Caller,
    org: str,
    query: ListQuery,
    number: int,
    *,
    error: BackendError | None = None,
    news: str = "",
) -> Response:
    summaries = unless_hidden(lambda: page_summaries(backend, person, org, query.to_filter(), size=PAGE_ROWS, number=number))
    return page(
        visitor,
        "stacks/list",
        status=int(error.status) if error is not None else 200,
        org=org,
        query=query.q,
        chosen=query,
        statuses=list(_STATUSES),
        found=summaries,
        paging=Paging(_address(org), query.filters(), number, len(summaries.stacks), summaries.total),
        server=api_url(backend.settings),
        now=unix_millis(backend.clock.now()),
        problem=reason(error) if error is not None else "",
        news=news,
    )


def _path(org: str, text: str) -> StackPath | None:
    """Return a stack of a ticked box, `project/name`, or None for another text."""
    project, slash, name = text.partition("/")
    return StackPath(org, project, name) if slash and project and name else None


def _address(org: str) -> str:
    return f"/{quote(org, safe='')}/stacks"
