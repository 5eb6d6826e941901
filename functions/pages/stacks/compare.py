"""Versions of a stack compared with each other or with another stack's; a version restored, and a broken state repaired."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.backend import Backend
from common.core.errors import BackendError, BadRequest
from common.rights.caller import Caller
from common.stacks.comparison import service as comparison
from common.stacks.model import StackPath, VersionReference
from common.stacks.service import listing
from common.stacks.state import service as state
from functions.http.deps import BackendDep, StackPathDep
from functions.pages.failures import reason
from functions.pages.form_errors import attempt
from functions.pages.hiding import unless_hidden
from functions.pages.rendering import page, see_other
from functions.pages.stacks.head import head_of, stack_address
from functions.pages.stacks.updates import read_version
from functions.pages.visitor import PersonDep, Visitor, VisitorDep

router = APIRouter()
_STACK = "/{org}/{project}/{stack}"
_PARTS = 3
# More resources are counted, and listed by the API.
ROWS = 200


@router.get(f"{_STACK}/compare")
def compare_versions(
    visitor: VisitorDep,
    backend: BackendDep,
    person: PersonDep,
    path: StackPathDep,
    before: Annotated[str, Query(alias="from")] = "",
    after: Annotated[str, Query(alias="to")] = "",
    other: Annotated[str, Query(alias="with")] = "",
) -> Response:
    """Show what is different: between the newest version and the one before it, unless the address names others."""
    content: dict[str, object] = {
        "fields": {"before": before, "after": after, "other": other},
        "rows": ROWS,
        "problem": "",
        "comparison": None,
    }

    def show() -> Response:
        result = comparison.compare(
            backend,
            person,
            path,
            VersionReference.parse(after),
            before=VersionReference.parse(before) if before else None,
            other=_stack(other, path),
        )
        head = head_of(backend, person, result.after.stack)
        return page(visitor, "stacks/compare", {**content, "comparison": result}, org=path.org, head=head)

    def show_problem(error: BackendError) -> Response:
        stack = unless_hidden(lambda: listing.get_stack(backend, person, path))
        # A stack without versions is no mistake of the visitor's.
        status = int(error.status) if stack.latest.version else 200
        problem = {"problem": reason(error)} if stack.latest.version else {}
        return page(
            visitor, "stacks/compare", {**content, **problem}, status=status, org=path.org, head=head_of(backend, person, stack)
        )

    return attempt(show, show_problem)


@router.get(f"{_STACK}/updates/{{number}}/restore")
def preview_restore(visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep, number: str) -> Response:
    """Show what restoring a version changes in the state."""
    return _restore_page(visitor, backend, person, path, read_version(number))


@router.post(f"{_STACK}/updates/{{number}}/restore")
def restore(visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep, number: str) -> Response:
    """Make the state of a version the newest one."""
    version = read_version(number)
    unless_hidden(lambda: listing.get_stack(backend, person, path))

    def act() -> Response:
        state.restore_version(backend, person, path, version)
        return see_other(f"{stack_address(path)}/updates")

    return attempt(act, lambda error: _restore_page(visitor, backend, person, path, version, error))


@router.get(f"{_STACK}/repair")
def plan_repair(visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep) -> Response:
    """Show whether the newest state is sound, and how it would be repaired."""
    return _repair_page(visitor, backend, person, path)


@router.post(f"{_STACK}/repair")
def repair(visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep) -> Response:
    """Make the repaired state the newest one."""
    unless_hidden(lambda: listing.get_stack(backend, person, path))

    def act() -> Response:
        state.repair_state(backend, person, path)
        return see_other(f"{stack_address(path)}/repair")

    return attempt(act, lambda error: _repair_page(visitor, backend, person, path, error))


def _repair_page(
    visitor: Visitor, backend: Backend, person: Caller, path: StackPath, error: BackendError | None = None
) -> Response:
    stack, version, plan = unless_hidden(lambda: state.plan_repair(backend, person, path, VersionReference()))
    last_good = state.find_last_good(backend, person, path) if plan.error else None
    content: dict[str, object] = {"plan": plan, "version": version, "last_good": last_good, **_problem(error)}
    status = int(error.status) if error is not None else 200
    return page(visitor, "stacks/repair", content, status=status, org=path.org, head=head_of(backend, person, stack))


def _restore_page(
    visitor: Visitor,
    backend: Backend,
    person: Caller,
    path: StackPath,
    version: int,
    error: BackendError | None = None,
) -> Response:
    reference = VersionReference(version)
    result = unless_hidden(lambda: comparison.compare(backend, person, path, reference, before=VersionReference()))
    content: dict[str, object] = {"comparison": result, "rows": ROWS, "version": version, **_problem(error)}
    status = int(error.status) if error is not None else 200
    return page(
        visitor, "stacks/restore", content, status=status, org=path.org, head=head_of(backend, person, result.after.stack)
    )


def _problem(error: BackendError | None) -> dict[str, object]:
    return {"problem": reason(error) if error is not None else ""}


def _stack(text: str, path: StackPath) -> StackPath | None:
    """Return the other stack that a form names: in full, or without what it shares with this one."""
    parts = [part for part in text.strip().split("/") if part]
    if not parts:
        return None
    if len(parts) > _PARTS:
        raise BadRequest(f"{text[:300]!a} is not a stack: write organization/project/stack")
    other = StackPath(*[path.org, path.project][: _PARTS - len(parts)], *parts)
    return other if other != path else None
