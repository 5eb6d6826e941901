"""The environments of an organization: searched and filtered by the address, a page at a time; created and restored."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Response

from common.core.errors import BackendError
from common.environments.model import DEFAULT_PROJECT, EnvironmentFilter, EnvironmentPath
from common.environments.service import definitions, listing, overview
from common.rights.permissions import Permission
from functions.pages.environments.environment_request import environment_address
from functions.pages.failures import reason
from functions.pages.hiding import unless_hidden
from functions.pages.organizations.choices import clean
from functions.pages.organizations.org_request import OrgRequest, OrgRequestDep
from functions.pages.paging import PAGE_ROWS, PageNumberDep, Paging
from functions.pages.rendering import page
from functions.pages.visitor import Form, FormDep

router = APIRouter()
_LIST = "/{org}/esc"
_DELETED = "deleted"
_Text = Annotated[str, Query()]


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The filters of an address, as texts."""

    q: str = ""
    project: str = ""
    tag: str = ""

    def filters(self) -> dict[str, str]:
        """Return the fields that the address has."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name))}

    def to_filter(self) -> EnvironmentFilter:
        """Return what the list is narrowed to."""
        tag, _, value = self.tag.partition("=")
        return EnvironmentFilter(self.q, self.project, tag, value)


async def get_list_query(q: _Text = "", project: _Text = "", tag: _Text = "") -> ListQuery:
    """Return the filters of an address."""
    return ListQuery(clean(q), clean(project), clean(tag))


ListQueryDep = Annotated[ListQuery, Depends(get_list_query)]


@router.get(_LIST)
def list_environments(
    request: OrgRequestDep, query: ListQueryDep, number: PageNumberDep, show: _Text = "", after: _Text = "", done: _Text = ""
) -> Response:
    """Show a page of environments, grouped by project, or those that can be restored."""
    if show == _DELETED:
        return _deleted_page(request, after)
    return _list_page(request, query, number, done=done)


@router.post(_LIST)
def create_or_restore(request: OrgRequestDep, form: FormDep, show: _Text = "") -> Response:
    """Create an environment and lead to its editor, or restore a deleted one and lead to it."""
    path = EnvironmentPath(request.org, form.text("project") or DEFAULT_PROJECT, form.text("name"))
    backend, caller = request.backend, request.caller
    if show == _DELETED:
        return request.change(
            lambda: listing.restore(backend, caller, path, form.text("deleted_at") or None),
            environment_address(path),
            lambda error: _deleted_page(request, error=error),
        )
    return request.change(
        lambda: definitions.create(backend, caller, path.org, path.project, path.name),
        environment_address(path, "edit"),
        lambda error: _list_page(request, error=error, form=form),
    )


def _list_page(
    request: OrgRequest,
    query: ListQuery = ListQuery(),
    number: int = 1,
    *,
    error: BackendError | None = None,
    done: str = "",
    form: Form | None = None,
) -> Response:
    backend, caller, org = request.backend, request.caller, request.org
    summaries = unless_hidden(
        lambda: overview.page_summaries(backend, caller, org, query.to_filter(), size=PAGE_ROWS, number=number)
    )
    address = list_address(org)
    content = {
        "query_fields": query,
        "rows": summaries.environments,
        "projects": summaries.projects,
        "may_create": request.may(Permission.ENVIRONMENT_CREATE),
        "may_see_deleted": request.may(Permission.ENVIRONMENT_LIST_DELETED),
        "entered": {name: form.text(name) if form is not None else "" for name in ("project", "name")},
        "paging": Paging(address, query.filters(), number, len(summaries.environments), summaries.total),
    }
    return _page(request, "list", content, error, done)


def _deleted_page(request: OrgRequest, after: str = "", *, error: BackendError | None = None) -> Response:
    deleted = unless_hidden(lambda: listing.page_deleted(request.backend, request.caller, request.org, after or None))
    address = f"{list_address(request.org)}?show={_DELETED}"
    content = {
        "rows": deleted.environments,
        "address": address,
        "newest": address if after else "",
        "older": f"{address}&after={quote(deleted.next_token, safe='')}" if deleted.next_token else "",
        "may_restore": request.may(Permission.ENVIRONMENT_RESTORE_DELETED),
        "days": request.backend.settings.deleted_stack_days,
    }
    return _page(request, "deleted", content, error)


def _page(request: OrgRequest, name: str, content: dict[str, object], error: BackendError | None, done: str = "") -> Response:
    around = {"path": list_address(request.org), "done": done, "problem": reason(error) if error is not None else ""}
    status = int(error.status) if error is not None else 200
    return page(request.visitor, f"environments/{name}", {**around, **content}, status=status, org=request.org)


def list_address(org: str) -> str:
    """Return the address of the list of an organization's environments."""
    return f"/{quote(org, safe='')}/esc"
