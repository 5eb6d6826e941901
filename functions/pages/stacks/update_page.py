"""One update or preview: its steps, diagnostics and log, what it was run with; it follows along while the update runs.

The part that changes has an address of its own and an ETag: while nothing new has happened, an answer costs a few statements.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response

from common.backend import Backend
from common.core.clock import unix_millis
from common.rights.caller import Caller
from common.stacks.model import Stack, StackPath, Status
from common.stacks.overview import service as overview
from common.stacks.overview.facts import change_counts, facts_of
from common.stacks.updates.model import HistoryEntry
from common.stacks.updates.service import completion, history
from functions.http.deps import BackendDep, StackPathDep
from functions.pages.hiding import unless_hidden
from functions.pages.paging import PageNumberDep, Paging
from functions.pages.rendering import fragment, page, see_other
from functions.pages.stacks.head import head_of, stack_address
from functions.pages.stacks.updates import read_version
from functions.pages.visitor import FormDep, PersonDep, Visitor, VisitorDep

router = APIRouter()
_STACK = "/{org}/{project}/{stack}"
_UPDATE, _PREVIEW = f"{_STACK}/updates/{{number}}", f"{_STACK}/previews/{{preview_id}}"
STEPS_ROWS, LOG_LINES = 100, 1000
_RUNNING = (Status.NOT_STARTED, Status.RUNNING, Status.FINISHING)
_Query = Annotated[str, Query()]
_KnownTag = Annotated[str, Header(alias="if-none-match")]
_Load = Callable[[], tuple[Stack, HistoryEntry]]


@dataclass(frozen=True, slots=True)
class View:
    """Which part of an update is shown: `steps`, `log` or `details`; all steps or those that change something."""

    part: str
    is_everything: bool
    number: int

    @property
    def filters(self) -> dict[str, str]:
        """Return the view as the parts of an address."""
        return {"view": self.part if self.part != "steps" else "", "steps": "all" if self.is_everything else ""}


def get_view(number: PageNumberDep, view: _Query = "", steps: _Query = "") -> View:
    """Return the view that an address asks for."""
    return View(view if view in ("log", "details") else "steps", steps == "all", number)


ViewDep = Annotated[View, Depends(get_view)]


@router.get(_UPDATE)
def show_update(
    visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep, number: str, view: ViewDep
) -> Response:
    """Show an update: the address behind "View Live"."""
    return _show(visitor, backend, person, lambda: _load_update(backend, person, path, number), view)


@router.get(f"{_UPDATE}/progress")
def show_update_progress(
    visitor: VisitorDep,
    backend: BackendDep,
    person: PersonDep,
    path: StackPathDep,
    number: str,
    view: ViewDep,
    known: _KnownTag = "",
) -> Response:
    """Return the part of an update's page that changes while it runs; nothing if it is still the same."""
    return _progress(visitor, backend, person, lambda: _load_update(backend, person, path, number), view, known)


@router.post(f"{_UPDATE}/cancel")
def cancel(backend: BackendDep, person: PersonDep, path: StackPathDep, number: str, form: FormDep) -> Response:
    """Cancel an update that runs, as `pulumi cancel` does."""
    _ = form
    _stack, entry = unless_hidden(lambda: _load_update(backend, person, path, number))
    completion.cancel(backend, person, path, entry.update_id)
    return see_other(f"{stack_address(path)}/updates/{entry.version}")


@router.get(_PREVIEW)
def show_preview(
    visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep, preview_id: str, view: ViewDep
) -> Response:
    """Show a preview."""
    return _show(visitor, backend, person, lambda: history.get_preview(backend, person, path, preview_id), view)


@router.get(f"{_PREVIEW}/progress")
def show_preview_progress(
    visitor: VisitorDep,
    backend: BackendDep,
    person: PersonDep,
    path: StackPathDep,
    preview_id: str,
    view: ViewDep,
    known: _KnownTag = "",
) -> Response:
    """Return the part of a preview's page that changes while it runs; nothing if it is still the same."""
    return _progress(visitor, backend, person, lambda: history.get_preview(backend, person, path, preview_id), view, known)


def _load_update(backend: Backend, person: Caller, path: StackPath, number: str) -> tuple[Stack, HistoryEntry]:
    return history.get_version(backend, person, path, read_version(number))


def _show(visitor: Visitor, backend: Backend, person: Caller, load: _Load, view: View) -> Response:
    stack, entry = unless_hidden(load)
    head = head_of(backend, person, stack)
    return page(visitor, "stacks/update", _content(backend, stack, entry, view), org=stack.path.org, head=head)


def _progress(visitor: Visitor, backend: Backend, person: Caller, load: _Load, view: View, known: str) -> Response:
    stack, entry = unless_hidden(load)
    tag = f'W/"{overview.find_mark(backend, entry.update_id)}"'
    headers = {"ETag": tag, "Cache-Control": "no-store", "X-Live": "on" if entry.status in _RUNNING else "done"}
    if known == tag:
        return Response(status_code=304, headers=headers)
    content = {**_content(backend, stack, entry, view), "head": head_of(backend, person, stack)}
    return fragment(visitor, "stacks/_progress", content, **headers)


def _content(backend: Backend, stack: Stack, entry: HistoryEntry, view: View) -> dict[str, object]:
    base = stack_address(stack.path)
    address = f"{base}/previews/{entry.update_id}" if entry.dry_run else f"{base}/updates/{entry.version}"
    report = overview.get_report(backend, entry.update_id)
    steps = report.find_steps(everything=view.is_everything)
    rows, size = (report.lines, LOG_LINES) if view.part == "log" else (steps, STEPS_ROWS)
    begin = (view.number - 1) * size
    return {
        "address": address,
        "entry": entry,
        "title": "Preview" if entry.dry_run else f"Update {entry.version}",
        "is_running": entry.status in _RUNNING,
        "facts": facts_of(entry.program),
        "changes": change_counts(entry.resource_changes),
        "report": report,
        "view": view,
        "rows": rows[begin : begin + size],
        "paging": Paging(address, view.filters, view.number, len(rows[begin : begin + size]), len(rows), size),
        "hidden_steps": len(report.steps) - len(steps),
        "now": unix_millis(backend.clock.now()),
    }
