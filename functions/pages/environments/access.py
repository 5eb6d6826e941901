"""Who may do what with an environment, and where it comes from: its owner, levels of teams, the organization's setting."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.core.errors import BackendError, BadRequest
from common.environments.service import overview
from common.people.teams.model import EnvironmentChange, TeamChange
from common.rights.org_settings import EnvironmentLevel
from common.rights.permissions import ENVIRONMENT_ADMIN, ENVIRONMENT_OPEN, ENVIRONMENT_READ, ENVIRONMENT_WRITE, Permission
from common.stacks.service import sharing
from functions.pages.environments.environment_request import EnvironmentRequest, EnvironmentRequestDep
from functions.pages.hiding import unless_hidden
from functions.pages.visitor import FormDep

router = APIRouter()
_ACCESS = "/{org}/esc/{project}/{environment}/access"
# What each level permits, in words; each permits what those before it do.
LEVELS: dict[str, tuple[EnvironmentLevel, str]] = {
    "read": ("read", "See the definition, its revisions and tags"),
    "open": ("open", "Open it and see its secrets, import it"),
    "write": ("write", "Edit it, tag revisions, rotate secrets"),
    "admin": ("admin", "Delete it, change its settings and access"),
}
_PERMISSIONS = {
    "read": ENVIRONMENT_READ,
    "open": ENVIRONMENT_OPEN,
    "write": ENVIRONMENT_WRITE,
    "admin": ENVIRONMENT_ADMIN,
}
_Text = Annotated[str, Query()]


@router.get(_ACCESS)
def show_access(request: EnvironmentRequestDep, done: _Text = "") -> Response:
    """Show who has access to an environment, and why."""
    return _page(request, done=done)


@router.post(f"{_ACCESS}/team")
def update_team(request: EnvironmentRequestDep, form: FormDep) -> Response:
    """Give a team a level on the environment, or remove what it was given."""
    request.view(Permission.ENVIRONMENT_ACCESS_READ)

    def act() -> None:
        level: EnvironmentLevel | None = None
        if form.text("action") != "remove":
            if form.text("level") not in LEVELS:
                raise BadRequest("choose one of the levels")
            level = LEVELS[form.text("level")][0]
        path = request.path
        grant = EnvironmentChange(path.project, path.name, level, form.text("max_open_duration") if level else "")
        change = TeamChange(environments=(grant,))
        sharing.update_team(request.backend, request.caller, path.org, form.text("team"), change)

    return request.change(act, f"{request.address('access')}?done=saved", lambda error: _page(request, error))


def _page(request: EnvironmentRequest, error: BackendError | None = None, *, done: str = "") -> Response:
    access = unless_hidden(lambda: overview.get_access(request.backend, request.caller, request.path))
    membership = request.caller.require_member(request.path.org, missing="")
    # Teams' levels name environments that may not exist yet: who changes them may change access to all (docs/access.md).
    may_change = Permission.ENVIRONMENT_ACCESS_UPDATE in membership.permissions()
    own = [name for name, permissions in _PERMISSIONS.items() if permissions <= access.viewed.permissions]
    content = {
        "access": access,
        "member_level": membership.settings.default_environment_permission,
        "levels": {name: text for name, (_, text) in LEVELS.items()},
        "own": own[-1] if own else "",
        "may_change": may_change,
    }
    return request.page("access", access.viewed, content, error, done)
