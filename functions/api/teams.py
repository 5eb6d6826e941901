"""Teams of an organization: create, list, get, update, delete."""

from fastapi import APIRouter, Response
from msgspec import UNSET

from common.core.errors import BadRequest, NotBuilt
from common.people.teams import model
from common.people.teams import service as teams
from common.people.teams.model import EnvironmentChange, MemberAction, MemberChange, StackChange, TeamChange, TeamDetails
from common.rights.permissions import StackLevel
from common.stacks.service import sharing
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
    request = body.decode(CreatePulumiTeamRequest)
    texts = {"display_name": request.display_name or "", "description": request.description or ""}
    return reply(_details(teams.create_team(backend, caller, org, request.name, **texts)), 201)


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


def _change(request: UpdateTeamRequest) -> TeamChange:
    """Return a request as one change; it adds, edits and removes in that order."""
    member = None
    if request.member is not None and request.member_action is not None:
        member = MemberChange(MemberAction(request.member_action), request.member)
    elif request.member is not None or request.member_action is not None:
        raise BadRequest("`member` and `memberAction` go together")
    stack_grants = (request.add_stack_permission, request.edit_stack_permission)
    stacks = [_stack_change(grant) for grant in stack_grants if grant is not None]
    if (stack := request.remove_stack) is not None:
        stacks.append(StackChange(stack.project_name, stack.stack_name, None))
    environment_grants = (request.add_environment_permission, request.edit_environment_permission)
    environments = [_environment_change(grant) for grant in environment_grants if grant is not None]
    if (environment := request.remove_environment) is not None:
        environments.append(EnvironmentChange(environment.project_name, environment.env_name, None))
    return TeamChange(request.new_display_name, request.new_description, member, tuple(stacks), tuple(environments))


def _stack_change(grant: TeamStackPermission) -> StackChange:
    _require_no_set(grant.permission_set_name or "")
    return StackChange(grant.project_name, grant.stack_name, StackLevel(grant.permission))


def _environment_change(grant: TeamEnvironmentSettings) -> EnvironmentChange:
    _require_no_set(grant.permission_set_name or "")
    return EnvironmentChange(grant.project_name, grant.env_name, grant.permission, grant.max_open_duration or "")


def _require_no_set(name: str) -> None:
    if name:
        raise NotBuilt("a team cannot be given a permission set by name yet; send a permission")


def _team(team: model.Team) -> Team:
    return Team(team.kind, team.name, team.display_name, team.description, team.role)


def _details(details: TeamDetails) -> Team:
    shape = _team(details.team)
    shape.members = [
        TeamMemberInfo(member.person.name, member.person.login, member.person.avatar_url, member.person.email, member.role)
        for member in details.members
    ]
    shape.stacks = [
        TeamStackPermission(grant.project, grant.name, grant.level.value, grant.set_name or UNSET) for grant in details.stacks
    ]
    shape.environments = [
        TeamEnvironmentSettings(grant.project, grant.name, grant.level, grant.max_open_duration or UNSET)
        for grant in details.environments
    ]
    shape.accounts = []
    shape.role_ids = list(details.role_ids)
    return shape
