"""The versions in which a resource changed: a part of its page, and a page of its own without script."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Response

from common.stacks.overview.changes import find_changes
from common.stacks.state import service as state
from functions.http.deps import BackendDep, StackPathDep
from functions.pages.hiding import missing, unless_hidden
from functions.pages.rendering import fragment, page
from functions.pages.stacks.head import head_of
from functions.pages.stacks.updates import read_version
from functions.pages.visitor import PersonDep, VisitorDep

router = APIRouter()
_STACK = "/{org}/{project}/{stack}"
_TEXT_LIMIT = 2000


@router.get(f"{_STACK}/resource/versions")
def list_resource_versions(
    visitor: VisitorDep,
    backend: BackendDep,
    person: PersonDep,
    path: StackPathDep,
    urn: Annotated[str, Query()] = "",
    before: Annotated[str, Query()] = "",
) -> Response:
    """Show the newest versions that changed a resource, or those before one of them."""
    if not urn or len(urn) > _TEXT_LIMIT:
        raise missing()
    last = read_version(before) if before else None
    found = unless_hidden(lambda: state.list_resource_versions(backend, person, path, urn, before=last))
    if before == "" and all(version.text is None for version in found.versions):
        raise missing()
    head = head_of(backend, person, found.stack)
    resource = f"{head.base}/resource?urn={quote(urn, safe='')}"
    content: dict[str, object] = {
        "head": head,
        "urn": urn,
        "name": urn.rpartition("::")[2],
        "resource": resource,
        "changes": find_changes(found.versions),
        "newest": found.newest,
        "oldest": found.oldest,
        "older": f"{head.base}/resource/versions?urn={quote(urn, safe='')}&before={found.oldest}" if found.has_more else "",
    }
    if visitor.is_part:
        return fragment(visitor, "stacks/_resource_versions", content)
    return page(visitor, "stacks/resource_versions", content, org=path.org)
