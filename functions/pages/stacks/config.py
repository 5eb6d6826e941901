"""The configuration that each version of a stack was run with, and what is different from the version before."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.stacks.model import Kind
from common.stacks.overview.facts import config_changes, facts_of
from common.stacks.updates.service import history
from functions.http.deps import BackendDep, StackPathDep
from functions.pages.hiding import unless_hidden
from functions.pages.rendering import page
from functions.pages.stacks.head import head_of
from functions.pages.stacks.updates import read_version
from functions.pages.visitor import PersonDep, VisitorDep

router = APIRouter()
_STACK = "/{org}/{project}/{stack}"


@router.get(f"{_STACK}/config")
def show_config(
    visitor: VisitorDep,
    backend: BackendDep,
    person: PersonDep,
    path: StackPathDep,
    version: Annotated[str, Query()] = "",
) -> Response:
    """Show the configuration of the newest version, or of another one."""
    number = read_version(version) if version else None
    stack, runs = unless_hidden(lambda: history.get_runs(backend, person, path, number))
    entry, before = (*runs, None, None)[:2]
    config = facts_of(entry.program).config if entry is not None else []
    former = facts_of(before.program).config if before is not None else []
    return page(
        visitor,
        "stacks/config",
        org=path.org,
        head=head_of(backend, person, stack),
        entry=entry,
        before=before,
        config=config,
        is_run=entry is not None and entry.kind not in (Kind.IMPORT, Kind.RENAME),
        changes=config_changes(former, config) if before is not None else {},
    )
