"""An environment at a glance: its definition, tags and owner, what it imports, and what refers to it."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.environments.model import is_version
from common.environments.service import overview
from functions.pages.environments.environment_request import EnvironmentRequestDep
from functions.pages.environments.yaml_text import highlighted
from functions.pages.hiding import missing, unless_hidden
from functions.pages.rendering import see_other

router = APIRouter()
_E = "/{org}/esc/{project}/{environment}"
_Text = Annotated[str, Query()]


@router.get(_E)
def show_environment(request: EnvironmentRequestDep, version: _Text = "", done: _Text = "") -> Response:
    """Show an environment; an address with a version leads to that revision."""
    if version:
        if not is_version(version):
            raise missing()
        return see_other(request.address("revisions", version))
    environment = unless_hidden(lambda: overview.get_overview(request.backend, request.caller, request.path))
    content = {
        "overview": environment,
        "definition": highlighted(environment.revision.definition),
        "is_empty": not environment.revision.definition.strip(),
        "limit": overview.REFERRERS_LIMIT,
    }
    return request.page("overview", environment.viewed, content, done=done)
