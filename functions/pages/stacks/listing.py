"""The stacks of an organization: searched, filtered and sorted by the address, a page at a time."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Response

from common.config.public_urls import api_url
from common.core.clock import unix_millis
from common.stacks.model import Status
from common.stacks.overview.service import StackFilter, page_summaries
from functions.http.deps import BackendDep
from functions.pages.hiding import unless_hidden
from functions.pages.paging import PAGE_ROWS, PageNumberDep, Paging
from functions.pages.rendering import page
from functions.pages.visitor import PersonDep, VisitorDep

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
) -> Response:
    """Show a page of stacks, grouped by project, or the ones that changed last."""
    summaries = unless_hidden(lambda: page_summaries(backend, person, org, query.to_filter(), size=PAGE_ROWS, number=number))
    path = f"/{quote(org, safe='')}/stacks"
    return page(
        visitor,
        "stacks/list",
        org=org,
        query=query.q,
        chosen=query,
        statuses=list(_STATUSES),
        found=summaries,
        paging=Paging(path, query.filters(), number, len(summaries.stacks), summaries.total),
        server=api_url(backend.settings),
        now=unix_millis(backend.clock.now()),
    )
