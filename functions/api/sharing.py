"""Grants of teams and users on a stack."""

from fastapi import APIRouter, Response
from msgspec import UNSET

from common.people.users import model
from common.rights.permissions import StackLevel
from common.stacks.service import sharing
from common.wire.roles import Person
from common.wire.teams import (
    ListStackCollaboratorsResponse,
    ListTeamsByStackResponse,
    StackTeam,
    UpdateTeamStackPermissionsRequest,
    UserPermission,
)
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, StackPathDep, empty, reply

router = APIRouter()
_STACK = "/api/stacks/{org}/{project}/{stack}"
_CONSOLE = "/api/console/stacks/{org}/{project}/{stack}"


@router.get(f"{_STACK}/teams")
def list_stack_teams(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Response:
    grants = sharing.list_teams(backend, caller, path)
    shapes = [
        StackTeam(team.name, team.display_name, team.description, team.level.value, team.id in grants.own_ids)
        for team in grants.teams
    ]
    return reply(ListTeamsByStackResponse(path.project, shapes))


@router.get(f"{_STACK}/collaborators")
def list_stack_permissions(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Response:
    collaborators, owner = sharing.list_collaborators(backend, caller, path)
    users = [UserPermission(_person(collaborator.person), collaborator.level.value) for collaborator in collaborators]
    return reply(ListStackCollaboratorsResponse(users, owner or UNSET))


@router.delete(f"{_STACK}/collaborators/{{user}}")
def delete_stack_permission(backend: BackendDep, caller: CallerDep, path: StackPathDep, user: str) -> Response:
    sharing.remove_collaborator(backend, caller, path, user)
    return empty()


@router.patch(f"{_CONSOLE}/teams/{{team}}")
def update_team_stack_permissions(
    backend: BackendDep,
    caller: CallerDep,
    path: StackPathDep,
    team: str,
    body: BodyDep,
) -> Response:
    request = body.decode(UpdateTeamStackPermissionsRequest)
    sharing.update_team_grant(backend, caller, path, team, StackLevel(request.permissions or 0))
    return empty()


def _person(person: model.Person) -> Person:
    return Person(person.name, person.login, person.avatar_url, person.email)
