"""Custom roles, permission sets and policies, roles of teams, and permission sets on one stack."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from msgspec import UNSET, Raw

from common.core.clock import from_millis
from common.core.errors import BadRequest
from common.people.roles.model import NewRecord, Purpose, Record, RoleChange, TokenSummary
from common.people.roles.service import holders, roles, teams
from common.people.users import model as users
from common.rights.predicate import EntityKind
from common.stacks.service import permission_sets
from common.stacks.service.permission_sets import Assignment
from common.wire.roles import (
    AssignmentPrincipal,
    AssignmentTeam,
    EntityAssignment,
    EntityAssignmentsResponse,
    EntityContext,
    EntityInstance,
    ListRolesResponse,
    ListTeamsWithRoleResponse,
    ListUsersWithRoleResponse,
    PermissionDescriptorBase,
    PermissionDescriptorRecord,
    PermissionSet,
    Person,
    RbacScope,
    RbacScopeGroup,
    RbacScopeMetadata,
    TeamWithRole,
    UpdateEntityAssignmentRequest,
    UpdateEntityAssignmentResponse,
    UpdateRoleRequest,
)
from common.wire.tokens import AccessToken, AccessTokenRole, ListAccessTokensResponse
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, DocumentBodyDep, empty, reply

router = APIRouter()
_ROLES = "/api/orgs/{org}/roles"
_ROLE = f"{_ROLES}/{{role_id}}"
_TEAM = "/api/orgs/{org}/teams/{team}"
_ASSIGNMENTS = "/api/orgs/{org}/assignments"
_DEFAULT_RESOURCE_TYPE = "global"
_KINDS = {
    "PermissionExpressionStack": EntityKind.STACK,
    "PermissionExpressionEnvironment": EntityKind.ENVIRONMENT,
    "PermissionExpressionInsightsAccount": EntityKind.ACCOUNT,
    "PermissionExpressionTeam": EntityKind.TEAM,
}


@router.get(_ROLES)
def list_roles(
    backend: BackendDep,
    caller: CallerDep,
    org: str,
    ux_purpose: Annotated[str, Query(alias="uxPurpose")] = "",
    assigned_to_me: Annotated[bool, Query(alias="assignedToMe")] = False,  # noqa: FBT002 - a query parameter
) -> Response:
    list_records = roles.list_own_roles if assigned_to_me else roles.list_roles
    return reply(ListRolesResponse([_record(record) for record in list_records(backend, caller, org, _purpose(ux_purpose))]))


@router.post(_ROLES)
def create_role(
    backend: BackendDep,
    caller: CallerDep,
    org: str,
    body: DocumentBodyDep,
    with_policy: Annotated[bool, Query(alias="createPolicyAndRole")] = False,  # noqa: FBT002 - a query parameter
) -> Response:
    new = _new_record(body.decode(PermissionDescriptorBase))
    return reply(_record(roles.create_role(backend, caller, org, new, with_policy=with_policy)))


@router.get(f"{_ROLES}/scopes")
def list_available_scopes(caller: CallerDep, org: str) -> Response:
    return reply(
        {
            bucket: [
                RbacScopeGroup(group, [RbacScope(name, RbacScopeMetadata(description)) for name, description in permissions])
                for group, permissions in groups.items()
            ]
            for bucket, groups in roles.list_scopes(caller, org).items()
        },
    )


@router.get(_ROLE)
def get_role(backend: BackendDep, caller: CallerDep, org: str, role_id: str) -> Response:
    return reply(_record(roles.get_role(backend, caller, org, role_id)))


@router.patch(_ROLE)
def update_role(backend: BackendDep, caller: CallerDep, org: str, role_id: str, body: DocumentBodyDep) -> Response:
    request = body.decode(UpdateRoleRequest)
    change = RoleChange(request.name, request.description, _details(request.details))
    return reply(_record(roles.update_role(backend, caller, org, role_id, change)))


@router.delete(_ROLE)
def delete_role(backend: BackendDep, caller: CallerDep, org: str, role_id: str, *, force: bool = False) -> Response:
    roles.delete_role(backend, caller, org, role_id, force=force)
    return empty()


@router.patch(f"{_ROLE}/default")
def update_organization_default_role(backend: BackendDep, caller: CallerDep, org: str, role_id: str) -> Response:
    roles.set_default_role(backend, caller, org, role_id)
    return empty()


@router.get(f"{_ROLE}/teams")
def list_teams_with_role(backend: BackendDep, caller: CallerDep, org: str, role_id: str) -> Response:
    summaries = holders.list_teams(backend, caller, org, role_id)
    shapes = [TeamWithRole(team.kind, team.name, team.display_name, team.description) for team in summaries]
    return reply(ListTeamsWithRoleResponse(shapes))


@router.get(f"{_ROLE}/tokens")
def list_org_tokens_with_role(backend: BackendDep, caller: CallerDep, org: str, role_id: str) -> Response:
    role, tokens = holders.list_tokens(backend, caller, org, role_id)
    return reply(ListAccessTokensResponse([_token(token, role) for token in tokens]))


@router.get(f"{_ROLE}/users")
def list_users_with_role(backend: BackendDep, caller: CallerDep, org: str, role_id: str) -> Response:
    people = holders.list_people(backend, caller, org, role_id)
    return reply(ListUsersWithRoleResponse([_person(person) for person in people]))


@router.get(f"{_TEAM}/roles")
def list_team_roles(backend: BackendDep, caller: CallerDep, org: str, team: str) -> Response:
    return reply(ListRolesResponse([_record(record) for record in teams.list_team_roles(backend, caller, org, team)]))


@router.post(f"{_TEAM}/roles/{{role_id}}")
def update_team_roles(backend: BackendDep, caller: CallerDep, org: str, team: str, role_id: str) -> Response:
    teams.add_team_role(backend, caller, org, team, role_id)
    return empty()


@router.delete(f"{_TEAM}/roles/{{role_id}}")
def delete_team_role(backend: BackendDep, caller: CallerDep, org: str, team: str, role_id: str) -> Response:
    teams.remove_team_role(backend, caller, org, team, role_id)
    return empty()


@router.post(f"{_TEAM}/enable-team-roles")
def enable_team_roles(backend: BackendDep, caller: CallerDep, org: str, team: str) -> Response:
    return reply(_record(teams.enable_team_roles(backend, caller, org, team)))


@router.post(f"{_ASSIGNMENTS}/list")
def list_entity_assignments(backend: BackendDep, caller: CallerDep, org: str, body: BodyDep) -> Response:
    entity = body.decode(EntityInstance)
    current, available = permission_sets.list_assignments(backend, caller, org, _kind(entity.context), entity.id)
    return reply(
        EntityAssignmentsResponse(
            [_assignment(assignment) for assignment in current], [_permission_set(available_set) for available_set in available]
        )
    )


@router.post(f"{_ASSIGNMENTS}/update")
def update_entity_assignment(backend: BackendDep, caller: CallerDep, org: str, body: BodyDep) -> Response:
    request = body.decode(UpdateEntityAssignmentRequest)
    assignment = permission_sets.update_assignment(
        backend,
        caller,
        org,
        _kind(request.context),
        request.id,
        member=request.user_id,
        set_id=request.permission_set_id or None,
    )
    return reply(UpdateEntityAssignmentResponse(_assignment(assignment) if assignment is not None else None))


def _purpose(text: str) -> Purpose | None:
    if text and text not in [known.value for known in Purpose]:
        raise BadRequest(f"unknown uxPurpose {text[:40]!a}; known are: {', '.join(Purpose)}")
    return Purpose(text) if text else None


def _kind(context: EntityContext) -> EntityKind:
    return _KINDS[context.name]


def _details(sent: Raw) -> str | None:
    text = bytes(sent).decode()
    return text if text != "null" else None


def _new_record(request: PermissionDescriptorBase) -> NewRecord:
    details = _details(request.details)
    if request.name is None or details is None:
        raise BadRequest("a role needs `name` and `details`")
    resource_type = request.resource_type or _DEFAULT_RESOURCE_TYPE
    return NewRecord(
        request.name, request.description or "", _purpose(request.ux_purpose or "") or Purpose.ROLE, resource_type, details
    )


def _record(record: Record) -> PermissionDescriptorRecord:
    return PermissionDescriptorRecord(
        id=record.id,
        org_id=record.org_id,
        name=record.name,
        description=record.description,
        ux_purpose=record.purpose.value,
        resource_type=record.resource_type,
        details=Raw(record.details.encode()),
        created=from_millis(record.created_at),
        modified=from_millis(record.modified_at),
        version=record.version,
        is_org_default=record.is_default,
        default_identifier=record.identifier or UNSET,
    )


def _token(token: TokenSummary, role: Record) -> AccessToken:
    return AccessToken(
        id=token.id,
        name=token.name,
        description=token.description,
        created=from_millis(token.created_at),
        last_used=(token.last_used_at or 0) // 1000,
        expires=(token.expires_at or 0) // 1000,
        admin=token.is_admin,
        created_by=token.created_by,
        type="organization",
        role=AccessTokenRole(role.id, role.name, role.identifier) if role.identifier else UNSET,
    )


def _assignment(assignment: Assignment) -> EntityAssignment:
    principal = (
        AssignmentPrincipal(user=_person(assignment.person))
        if assignment.person is not None
        else AssignmentPrincipal(team=AssignmentTeam(assignment.team_name, assignment.team_display_name))
    )
    permission_set = _permission_set(assignment.permission_set)
    return EntityAssignment(principal, permission_set, "assignment" if assignment.person is not None else "team")


def _person(person: users.Person) -> Person:
    return Person(person.name, person.login, person.avatar_url, person.email)


def _permission_set(permission_set: permission_sets.PermissionSet) -> PermissionSet:
    return PermissionSet(permission_set.id, permission_set.name, permission_set.resource_type, permission_set.identifier or UNSET)
