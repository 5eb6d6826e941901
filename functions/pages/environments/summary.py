"""An environment at a glance: its definition, tags and owner, what it imports, and what refers to it."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.environments.service import overview
from functions.pages.environments.environment_request import EnvironmentRequestDep
from functions.pages.environments.yaml_text import highlighted
from functions.pages.hiding import unless_hidden

router = APIRouter()
_E = "/{org}/esc/{project}/{environment}"
_Text = Annotated[str, Query()]


@router.get(_E)
def show_environment(request: EnvironmentRequestDep, done: _Text = "") -> Response:
    """Show an environment, by its newest revision."""
    found = unless_hidden(lambda: overview.get_overview(request.backend, request.caller, request.path))
    content = {
        "overview": found,
        "definition": highlighted(found.revision.definition),
        "is_empty": not found.revision.definition.strip(),
        "limit": overview.REFERRERS_LIMIT,
    }
    return request.page("overview", found.viewed, content, done=done)
