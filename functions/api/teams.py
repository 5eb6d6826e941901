"""Teams of an organization: made, listed, read, changed, deleted."""

from fastapi import APIRouter, Response
from msgspec import UNSET

from common.core.errors import BadRequest, NotBuilt
from common.people.teams import model
from common.people.teams import service as teams
from common.people.teams.model import EnvironmentChange, MemberAction, MemberChange, StackChange, TeamChange, TeamDetails
from common.rights.permissions import StackLevel
from common.stacks import sharing
from common.wire.teams import (
    CreatePulumiTeamRequest,
    ListTeamsResponse,
    Team,
    TeamEnvironmentSettings,
    TeamMemberInfo,
    TeamStackPermission,
    UpdateTeamRequest,
)
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, empty, reply

router = APIRouter()
_TEAMS = "/api/orgs/{org}/teams"
_TEAM = f"{_TEAMS}/{{team}}"


@router.get(_TEAMS)
def list_teams(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    return reply(ListTeamsResponse([_team(team) for team in teams.list_teams(backend, caller, org)]))


@router.post(f"{_TEAMS}/pulumi")
def create_pulumi_team(backend: BackendDep, caller: CallerDep, org: str, body: BodyDep) -> Response:
    asked = body.decode(CreatePulumiTeamRequest)
    texts = {"display_name": asked.display_name or "", "description": asked.description or ""}
    return reply(_details(teams.create_team(backend, caller, org, asked.name, **texts)), 201)


@router.get(_TEAM)
def get_team(backend: BackendDep, caller: CallerDep, org: str, team: str) -> Response:
    return reply(_details(sharing.get_team(backend, caller, org, team)))


@router.patch(_TEAM)
def update_team(backend: BackendDep, caller: CallerDep, org: str, team: str, body: BodyDep) -> Response:
    sharing.update_team(backend, caller, org, team, _change(body.decode(UpdateTeamRequest)))
    return empty()


@router.delete(_TEAM)
def delete_team(backend: BackendDep, caller: CallerDep, org: str, team: str) -> Response:
    teams.delete_team(backend, caller, org, team)
    return empty()


def _change(asked: UpdateTeamRequest) -> TeamChange:
    """Return a request as one change; what is added, edited and removed in it happens in that order."""
    member = None
    if asked.member is not None and asked.member_action is not None:
        member = MemberChange(MemberAction(asked.member_action), asked.member)
    elif asked.member is not None or asked.member_action is not None:
        msg = "`member` and `memberAction` go together"
        raise BadRequest(msg)
    given = [one for one in (asked.add_stack_permission, asked.edit_stack_permission) if one is not None]
    stacks = [_stack_change(one) for one in given]
    if (gone := asked.remove_stack) is not None:
        stacks.append(StackChange(gone.project_name, gone.stack_name, None))
    settings = [one for one in (asked.add_environment_permission, asked.edit_environment_permission) if one is not None]
    environments = [_environment_change(one) for one in settings]
    if (left := asked.remove_environment) is not None:
        environments.append(EnvironmentChange(left.project_name, left.env_name, None))
    return TeamChange(asked.new_display_name, asked.new_description, member, tuple(stacks), tuple(environments))


def _stack_change(asked: TeamStackPermission) -> StackChange:
    _require_no_set(asked.permission_set_name or "")
    return StackChange(asked.project_name, asked.stack_name, StackLevel(asked.permission))


def _environment_change(asked: TeamEnvironmentSettings) -> EnvironmentChange:
    _require_no_set(asked.permission_set_name or "")
    return EnvironmentChange(asked.project_name, asked.env_name, asked.permission, asked.max_open_duration or "")


def _require_no_set(name: str) -> None:
    if name:
        msg = "giving a team a permission set by name is not built yet; send a permission"
        raise NotBuilt(msg)


def _team(team: model.Team) -> Team:
    return Team(team.kind, team.name, team.display_name, team.description, team.role)


def _details(found: TeamDetails) -> Team:
    shape = _team(found.team)
    shape.members = [
        TeamMemberInfo(member.person.name, member.person.login, member.person.avatar_url, member.person.email, member.role)
        for member in found.members
    ]
    shape.stacks = [
        TeamStackPermission(grant.project, grant.name, grant.level.value, grant.set_name or UNSET) for grant in found.stacks
    ]
    shape.environments = [
        TeamEnvironmentSettings(grant.project, grant.name, grant.level, grant.max_open_duration or UNSET)
        for grant in found.environments
    ]
    shape.accounts = []
    shape.role_ids = list(found.role_ids)
    return shape
