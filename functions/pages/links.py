"""What the command line's links lead to: a stack, an update, a preview; and a page for every other address in a browser.

Only browsers come here, who say that they take HTML. Whoever is not signed in does that first, so that nobody learns from
outside what there is; what is missing and what the visitor may not see is the same page.
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from fastapi import APIRouter, Response

from common.stacks.model import Stack
from common.stacks.service import listing as stacks
from common.stacks.updates.model import HistoryEntry
from common.stacks.updates.service import history
from functions.http.deps import BackendDep, StackPathDep
from functions.http.unbuilt import refusal
from functions.pages.hiding import missing, unless_hidden
from functions.pages.rendering import page
from functions.pages.visitor import PersonDep, Visitor, VisitorDep

router = APIRouter()
_STACK = "/{org}/{project}/{stack}"
# What the command line prints or opens for parts that this release does not have.
_MISSING_PARTS = (
    ("/{org}/insights/policypacks/{rest:path}", "policy packs are"),
    ("/{org}/esc/{project}/{environment}", "environments are"),
    ("/{org}/resources", "resource search and insights are"),
    ("/{org}/neo/{rest:path}", "AI assistants and agents are"),
    ("/claim/{token}", "AI assistants and agents are"),
    (f"{_STACK}/deployments/{{number}}", "deployments are"),
)
_MESSAGE_LENGTH, _LONG_NUMBER = 400, 11


@dataclass(frozen=True, slots=True)
class Row:
    """An update or preview as a page shows it; times are unix milliseconds."""

    title: str
    kind: str
    result: str
    author: str
    started_at: int | None
    ended_at: int | None
    message: str = ""


def _tell_missing(part: str) -> Callable[[], Response]:
    def handler() -> Response:
        raise refusal(part)

    return handler


# Before the addresses of stacks, which are of the same form.
for _address, _part in _MISSING_PARTS:
    router.add_api_route(_address, _tell_missing(_part))


@router.get(f"{_STACK}/updates/{{number}}")
def show_update(visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep, number: str) -> Response:
    """Show an update: the address behind "View Live"."""
    version = int(number) if number.isascii() and number.isdigit() and len(number) < _LONG_NUMBER else 0
    found = unless_hidden(lambda: history.get_version(backend, person, path, version))
    return _entry_page(visitor, *found, title=f"Update {version}")


@router.get(f"{_STACK}/previews/{{preview_id}}")
def show_preview(visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep, preview_id: str) -> Response:
    """Show a preview."""
    found = unless_hidden(lambda: history.get_preview(backend, person, path, preview_id))
    return _entry_page(visitor, *found, title="Preview")


@router.get(_STACK)
def show_stack(visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep) -> Response:
    """Show a stack, also under a name that it had before, and its newest update."""
    found = unless_hidden(lambda: stacks.get_stack(backend, person, path, former_names=True))
    latest = found.latest
    row = Row(f"Update {latest.version}", latest.kind, latest.status, latest.author, latest.started_at, latest.ended_at)
    return page(visitor, "stack", stack=found, row=row if latest.version else None, asked=path)


@router.get("/{org}")
def show_owner(visitor: VisitorDep, person: PersonDep, org: str) -> Response:
    """Show an organization that the visitor belongs to."""
    membership = person.membership(org)
    if membership is None:
        raise missing()
    return page(visitor, "owner", membership=membership, is_open=membership.is_open)


def _entry_page(visitor: Visitor, stack: Stack, entry: HistoryEntry, *, title: str) -> Response:
    row = Row(
        title,
        "preview" if entry.dry_run else entry.kind,
        entry.status,
        entry.author_login,
        entry.started_at,
        entry.ended_at,
        _message(entry.program),
    )
    return page(visitor, "update", stack=stack, row=row)


class _Metadata(msgspec.Struct):
    message: str = ""


class _Program(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


def _message(program: bytes) -> str:
    """Return the first line of what an update's client says of it; an empty text for what is not understood."""
    try:
        text = msgspec.json.decode(program, type=_Program).metadata.message
    except (msgspec.DecodeError, RecursionError):
        return ""
    return next(iter(text.strip().splitlines()), "")[:_MESSAGE_LENGTH]
