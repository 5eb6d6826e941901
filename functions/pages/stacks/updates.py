"""The updates and previews of a stack, in lists, and the state of any version to download."""

import gzip
from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.core.compression import is_packed
from common.stacks.overview.facts import change_counts, facts_of
from common.stacks.state import service as state
from common.stacks.updates.model import HistoryEntry
from common.stacks.updates.service import history
from common.stacks.updates.service.history import Page
from functions.http.deps import BackendDep, StackPathDep
from functions.pages.hiding import missing, unless_hidden
from functions.pages.paging import PAGE_ROWS, PageNumberDep, Paging
from functions.pages.rendering import page
from functions.pages.stacks.head import head_of
from functions.pages.visitor import PersonDep, VisitorDep

router = APIRouter()
_STACK = "/{org}/{project}/{stack}"
_LONG_NUMBER = 11


@router.get(f"{_STACK}/updates")
def list_updates(
    visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep, number: PageNumberDep
) -> Response:
    """Show a page of the stack's updates, newest first."""
    stack, entries, total = unless_hidden(lambda: history.page_updates(backend, person, path, Page(PAGE_ROWS, number)))
    head = head_of(backend, person, stack)
    paging = Paging(f"{head.base}/updates", {}, number, len(entries), total)
    return page(visitor, "stacks/updates", org=path.org, head=head, rows=_rows(entries), paging=paging)


@router.get(f"{_STACK}/previews")
def list_previews(
    visitor: VisitorDep,
    backend: BackendDep,
    person: PersonDep,
    path: StackPathDep,
    number: PageNumberDep,
    after: Annotated[str, Query()] = "",
) -> Response:
    """Show the previews that ran since the newest update, or after another one, newest first."""
    version = read_version(after) if after else None
    stack, entries = unless_hidden(
        lambda: history.page_previews(backend, person, path, version, Page(PAGE_ROWS, number, ahead=1), ascending=False)
    )
    head = head_of(backend, person, stack)
    shown = entries[:PAGE_ROWS]
    before = (number - 1) * PAGE_ROWS
    paging = Paging(f"{head.base}/previews", {"after": after}, number, len(shown), before + len(entries))
    return page(
        visitor,
        "stacks/previews",
        org=path.org,
        head=head,
        rows=_rows(shown),
        paging=paging,
        after=stack.latest.version if version is None else version,
    )


@router.get(f"{_STACK}/activity")
def list_activity(
    visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep, number: PageNumberDep
) -> Response:
    """Show the stack's updates and previews together, newest first."""
    stack, entries = unless_hidden(lambda: history.page_activity(backend, person, path, Page(PAGE_ROWS, number, ahead=1)))
    head = head_of(backend, person, stack)
    shown = entries[:PAGE_ROWS]
    paging = Paging(f"{head.base}/activity", {}, number, len(shown), (number - 1) * PAGE_ROWS + len(entries))
    return page(visitor, "stacks/activity", org=path.org, head=head, rows=_rows(shown), paging=paging)


@router.get(f"{_STACK}/updates/{{number}}/state")
def download_state(backend: BackendDep, person: PersonDep, path: StackPathDep, number: str) -> Response:
    """Return the state of a version as a file, with its secrets encrypted, as `pulumi stack export` does."""
    version = read_version(number)
    stored = unless_hidden(lambda: state.export_version(backend, person, path, version))
    name = f"{path.project}-{path.name}-{version}.json"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(gzip.decompress(stored) if is_packed(stored) else stored, 200, headers, "application/json")


def read_version(text: str) -> int:
    """Return the number of a version in an address; raises NotFound for what can be none."""
    if not (text.isascii() and text.isdigit() and len(text) < _LONG_NUMBER):
        raise missing()
    return int(text)


def _rows(entries: list[HistoryEntry]) -> list[dict[str, object]]:
    return [
        {"entry": entry, "facts": facts_of(entry.program), "changes": change_counts(entry.resource_changes)} for entry in entries
    ]
