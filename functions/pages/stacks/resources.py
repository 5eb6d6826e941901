"""The resources of a stack: as a tree, by type, found by a text; one of them with its values and neighbours."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Response

from common.stacks.overview.graph import around
from common.stacks.overview.resources import count_types, find_details, in_tree
from common.stacks.service import listing
from common.stacks.state import service as state
from functions.http.deps import BackendDep, StackPathDep
from functions.pages import static_files
from functions.pages.hiding import missing, unless_hidden
from functions.pages.paging import PageNumberDep, Paging
from functions.pages.rendering import page
from functions.pages.stacks.head import head_of
from functions.pages.stacks.updates import read_version
from functions.pages.visitor import PersonDep, VisitorDep

router = APIRouter()
_STACK = "/{org}/{project}/{stack}"
_ROWS = 100
_TEXT_LIMIT = 300
_Text = Annotated[str, Query()]


@dataclass(frozen=True, slots=True)
class ResourceQuery:
    """Which resources of which version an address asks for; an empty version is the newest."""

    q: str
    type: str
    version: str

    def filters(self) -> dict[str, str]:
        """Return the fields that the address has."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name))}

    @property
    def number(self) -> int | None:
        """Return the version, None for the newest; raises NotFound for what can be none."""
        return read_version(self.version) if self.version else None


async def get_resource_query(
    q: _Text = "", type_name: Annotated[str, Query(alias="type")] = "", version: _Text = ""
) -> ResourceQuery:
    """Return what an address asks for; texts are cut to a length that can be of use."""
    return ResourceQuery(q.strip()[:_TEXT_LIMIT], type_name.strip()[:_TEXT_LIMIT], version.strip()[:_TEXT_LIMIT])


ResourceQueryDep = Annotated[ResourceQuery, Depends(get_resource_query)]


@router.get(f"{_STACK}/resources")
def list_resources(
    visitor: VisitorDep,
    backend: BackendDep,
    person: PersonDep,
    path: StackPathDep,
    query: ResourceQueryDep,
    number: PageNumberDep,
) -> Response:
    """Show a page of the resources, each below its parent."""
    version, stored = unless_hidden(lambda: state.list_resources(backend, person, path, query.number))
    stack = listing.get_stack(backend, person, path)
    resources = in_tree(stored)
    words = query.q.lower().split()
    matching = [item for item in resources if item.mentions(words) and query.type in ("", item.type)]
    begin = (number - 1) * _ROWS
    head = head_of(backend, person, stack)
    return page(
        visitor,
        "stacks/resources",
        org=path.org,
        head=head,
        chosen=query,
        version=version,
        types=count_types(resources),
        total=len(resources),
        rows=matching[begin : begin + _ROWS],
        is_tree=not query.q and not query.type,
        paging=Paging(
            f"{head.base}/resources", query.filters(), number, len(matching[begin : begin + _ROWS]), len(matching), _ROWS
        ),
        suffix=f"&version={quote(query.version, safe='')}" if query.version else "",
    )


@router.get(f"{_STACK}/resources/graph")
def show_graph(
    visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep, query: ResourceQueryDep, urn: _Text = ""
) -> Response:
    """Show the resources around one of them as a graph, and as a list without script."""
    version, stored = unless_hidden(lambda: state.list_resources(backend, person, path, query.number))
    graph = around(stored, urn)
    if graph is None:
        raise missing()
    stack = listing.get_stack(backend, person, path)
    return page(
        visitor,
        "stacks/graph",
        org=path.org,
        head=head_of(backend, person, stack),
        version=version,
        chosen=query,
        graph=graph,
        graph_script=static_files.address("graph.js"),
        suffix=f"&version={quote(query.version, safe='')}" if query.version else "",
    )


@router.get(f"{_STACK}/resource")
def show_resource(
    visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep, query: ResourceQueryDep, urn: _Text = ""
) -> Response:
    """Show a resource: its inputs and outputs, what it needs, and what needs it."""
    version, stored = unless_hidden(lambda: state.list_resources(backend, person, path, query.number))
    details = find_details(stored, urn)
    if details is None:
        raise missing()
    stack = listing.get_stack(backend, person, path)
    return page(
        visitor,
        "stacks/resource",
        org=path.org,
        head=head_of(backend, person, stack),
        version=version,
        details=details,
        suffix=f"&version={quote(query.version, safe='')}" if query.version else "",
    )
