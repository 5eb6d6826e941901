"""The teams of an organization: listed, created, and each with its members, stacks, roles and texts."""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Response

from common.core.errors import BackendError, BadRequest
from common.people.roles.service import teams as team_roles
from common.people.teams import service as teams
from common.people.teams import steps
from common.people.teams.model import (
    DESCRIPTION_LIMIT,
    DISPLAY_NAME_LIMIT,
    MemberAction,
    MemberChange,
    StackChange,
    TeamChange,
    TeamDetails,
)
from common.rights.permissions import Permission, StackLevel
from common.stacks.service import sharing
from functions.pages.hiding import unless_hidden
from functions.pages.organizations.choices import clean, list_assignable
from functions.pages.organizations.org_request import OrgRequest, OrgRequestDep
from functions.pages.paging import PAGE_ROWS, PageNumberDep, Paging
from functions.pages.visitor import FormDep

router = APIRouter()
_TEAMS = "/{org}/settings/teams"
_TEAM = f"{_TEAMS}/{{team}}"
_LEVELS = {"read": StackLevel.READ, "write": StackLevel.WRITE, "admin": StackLevel.ADMIN, "none": StackLevel.NONE}
_Text = Annotated[str, Query()]


@router.get(_TEAMS)
def list_teams(request: OrgRequestDep, number: PageNumberDep, q: _Text = "", done: _Text = "") -> Response:
    """Show a page of teams, narrowed by the address, and the form for a new one."""
    return _list_page(request, clean(q), number, done=done)


@router.post(_TEAMS)
def create_team(request: OrgRequestDep, form: FormDep) -> Response:
    """Create a team."""
    name = form.text("name")
    texts = {"display_name": form.text("display_name"), "description": form.text("description")}
    return request.change(
        lambda: teams.create_team(request.backend, request.caller, request.org, name, **texts),
        f"{request.address('teams')}/{quote(name, safe='')}?done=created",
        lambda error: _list_page(request, error=error),
    )


@router.get(_TEAM)
def show_members(request: OrgRequestDep, team: str, number: PageNumberDep, done: _Text = "") -> Response:
    """Show the members of a team."""
    return _team_page(request, team, "team", number, done=done)


@router.get(f"{_TEAM}/stacks")
def show_stacks(request: OrgRequestDep, team: str, number: PageNumberDep, done: _Text = "") -> Response:
    """Show the stacks that a team has access to."""
    return _team_page(request, team, "team-stacks", number, done=done)


@router.get(f"{_TEAM}/settings")
def show_settings(request: OrgRequestDep, team: str, done: _Text = "") -> Response:
    """Show the texts and roles of a team."""
    return _settings_page(request, team, done=done)


@router.post(f"{_TEAM}/members")
def change_member(request: OrgRequestDep, team: str, form: FormDep) -> Response:
    """Add a member to a team, make them a team admin or a member, or remove them."""

    def act() -> None:
        action = form.text("action")
        if action not in list(MemberAction):
            raise BadRequest("choose what to do with the member")
        _update(request, team, TeamChange(member=MemberChange(MemberAction(action), form.text("login"))))

    address = f"{request.address('teams', team)}?done=members"
    return request.change(act, address, lambda error: _team_page(request, team, "team", 1, error=error))


@router.post(f"{_TEAM}/stacks")
def change_stack(request: OrgRequestDep, team: str, form: FormDep) -> Response:
    """Give a team access to a stack, another level, or none."""

    def act() -> None:
        project, _, name = form.text("stack").removeprefix(f"{request.org}/").partition("/")
        level = _LEVELS.get(form.text("level"))
        if level is None or not name:
            raise BadRequest("name a stack as project/stack and choose a level")
        _update(request, team, TeamChange(stacks=(StackChange(project, name, level),)))

    address = f"{request.address('teams', team, 'stacks')}?done=stacks"
    return request.change(act, address, lambda error: _team_page(request, team, "team-stacks", 1, error=error))


@router.post(f"{_TEAM}/settings")
def change_texts(request: OrgRequestDep, team: str, form: FormDep) -> Response:
    """Change the display name and the description of a team."""
    change = TeamChange(form.text("display_name"), form.text("description"))
    return _change_settings(request, team, "texts", lambda: _update(request, team, change))


@router.post(f"{_TEAM}/roles")
def change_roles(request: OrgRequestDep, team: str, form: FormDep) -> Response:
    """Give a team a role, or remove one."""
    act = team_roles.remove_team_role if form.text("action") == "remove" else team_roles.add_team_role
    role_id = form.text("role")
    return _change_settings(request, team, "roles", lambda: act(request.backend, request.caller, request.org, team, role_id))


@router.post(f"{_TEAM}/delete")
def delete_team(request: OrgRequestDep, team: str, form: FormDep) -> Response:
    """Delete a team; its name has to be typed."""

    def act() -> None:
        if form.text("confirm") != team:
            raise BadRequest(f"to delete the team, type its name: {team}")
        teams.delete_team(request.backend, request.caller, request.org, team)

    address = f"{request.address('teams')}?done=deleted"
    return request.change(act, address, lambda error: _settings_page(request, team, error=error))


def _update(request: OrgRequest, team: str, change: TeamChange) -> None:
    sharing.update_team(request.backend, request.caller, request.org, team, change)


def _change_settings(request: OrgRequest, team: str, done: str, act: Callable[[], None]) -> Response:
    address = f"{request.address('teams', team, 'settings')}?done={done}"
    return request.change(act, address, lambda error: _settings_page(request, team, error=error))


def _list_page(
    request: OrgRequest, text: str = "", number: int = 1, *, done: str = "", error: BackendError | None = None
) -> Response:
    rows, total = unless_hidden(
        lambda: teams.search_teams(request.backend, request.caller, request.org, text, size=PAGE_ROWS, number=number)
    )
    chosen = {"q": text}
    content = {
        "chosen": chosen,
        "rows": rows,
        "may_create": request.may(Permission.TEAM_CREATE),
        "display_name_limit": DISPLAY_NAME_LIMIT,
        "description_limit": DESCRIPTION_LIMIT,
        "paging": Paging(request.address("teams"), chosen, number, len(rows), total),
    }
    return request.page("teams", content, done=done, error=error)


def team_head(request: OrgRequest, details: TeamDetails) -> dict[str, object]:
    """Return what stands around each page of a team: its address, and what the visitor may do there."""

    def may(permission: Permission) -> bool:
        return steps.may(request.membership, details.team, permission)

    return {
        "details": details,
        "team": details.team,
        "base": request.address("teams", details.team.name),
        "may_update": may(Permission.TEAM_UPDATE),
        "may_delete": may(Permission.TEAM_DELETE),
        "may_list_tokens": may(Permission.TEAM_LIST_TOKENS),
    }


def get_team(request: OrgRequest, team: str) -> TeamDetails:
    """Return a team that the visitor may see; NotFound for any other."""
    return unless_hidden(lambda: sharing.get_team(request.backend, request.caller, request.org, team))


def _team_page(
    request: OrgRequest, team: str, name: str, number: int, *, done: str = "", error: BackendError | None = None
) -> Response:
    details = get_team(request, team)
    rows = details.stacks if name == "team-stacks" else details.members
    begin = (number - 1) * PAGE_ROWS
    shown = rows[begin : begin + PAGE_ROWS]
    path = request.address("teams", team, *(("stacks",) if name == "team-stacks" else ()))
    content = {
        **team_head(request, details),
        "rows": shown,
        "levels": [level for level in _LEVELS if level != "none"],
        "paging": Paging(path, {}, number, len(shown), len(rows)),
    }
    return request.page(name, content, done=done, error=error)


def _settings_page(request: OrgRequest, team: str, *, done: str = "", error: BackendError | None = None) -> Response:
    details = get_team(request, team)
    assignable = list_assignable(request)
    names = {record.id: record.name for record in assignable}
    content = {
        **team_head(request, details),
        "roles": [record for record in assignable if record.id not in details.role_ids],
        "team_roles": [(role_id, names.get(role_id, "Custom role")) for role_id in details.role_ids],
        "may_change_roles": request.may(Permission.ROLE_UPDATE),
        "display_name_limit": DISPLAY_NAME_LIMIT,
        "description_limit": DESCRIPTION_LIMIT,
    }
    return request.page("team-settings", content, done=done, error=error)
