"""Custom roles, permission sets and policies, the roles of teams, and who holds what on one stack."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from msgspec import UNSET, Raw

from common.core.clock import from_millis
from common.core.errors import BadRequest
from common.people.roles.model import NewRecord, Purpose, Record, RoleChange, TokenSummary
from common.people.roles.scopes import list_scopes
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
    listed = roles.list_own_roles if assigned_to_me else roles.list_roles
    return reply(ListRolesResponse([_record(found) for found in listed(backend, caller, org, _purpose(ux_purpose))]))


@router.post(_ROLES)
def create_role(
    backend: BackendDep,
    caller: CallerDep,
    org: str,
    body: DocumentBodyDep,
    with_policy: Annotated[bool, Query(alias="createPolicyAndRole")] = False,  # noqa: FBT002 - a query parameter
) -> Response:
    asked = _new_record(body.decode(PermissionDescriptorBase))
    return reply(_record(roles.create_role(backend, caller, org, asked, with_policy=with_policy)))


@router.get(f"{_ROLES}/scopes")
def list_available_scopes(caller: CallerDep, org: str) -> Response:
    return reply(
        {
            bucket: [
                RbacScopeGroup(group, [RbacScope(name, RbacScopeMetadata(words)) for name, words in found])
                for group, found in groups.items()
            ]
            for bucket, groups in list_scopes(caller, org).items()
        },
    )


@router.get(_ROLE)
def get_role(backend: BackendDep, caller: CallerDep, org: str, role_id: str) -> Response:
    return reply(_record(roles.get_role(backend, caller, org, role_id)))


@router.patch(_ROLE)
def update_role(backend: BackendDep, caller: CallerDep, org: str, role_id: str, body: DocumentBodyDep) -> Response:
    asked = body.decode(UpdateRoleRequest)
    change = RoleChange(asked.name, asked.description, _details(asked.details))
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
    found = holders.list_teams(backend, caller, org, role_id)
    return reply(
        ListTeamsWithRoleResponse([TeamWithRole(team.kind, team.name, team.display_name, team.description) for team in found])
    )


@router.get(f"{_ROLE}/tokens")
def list_org_tokens_with_role(backend: BackendDep, caller: CallerDep, org: str, role_id: str) -> Response:
    role, found = holders.list_tokens(backend, caller, org, role_id)
    return reply(ListAccessTokensResponse([_token(token, role) for token in found]))


@router.get(f"{_ROLE}/users")
def list_users_with_role(backend: BackendDep, caller: CallerDep, org: str, role_id: str) -> Response:
    people = holders.list_people(backend, caller, org, role_id)
    return reply(ListUsersWithRoleResponse([_person(person) for person in people]))


@router.get(f"{_TEAM}/roles")
def list_team_roles(backend: BackendDep, caller: CallerDep, org: str, team: str) -> Response:
    return reply(ListRolesResponse([_record(found) for found in teams.list_team_roles(backend, caller, org, team)]))


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
    asked = body.decode(EntityInstance)
    found, available = permission_sets.list_assignments(backend, caller, org, _kind(asked.context), asked.id)
    return reply(EntityAssignmentsResponse([_assignment(one) for one in found], [_permission_set(one) for one in available]))


@router.post(f"{_ASSIGNMENTS}/update")
def update_entity_assignment(backend: BackendDep, caller: CallerDep, org: str, body: BodyDep) -> Response:
    asked = body.decode(UpdateEntityAssignmentRequest)
    found = permission_sets.update_assignment(
        backend,
        caller,
        org,
        _kind(asked.context),
        asked.id,
        member=asked.user_id,
        set_id=asked.permission_set_id or None,
    )
    return reply(UpdateEntityAssignmentResponse(_assignment(found) if found is not None else None))


def _purpose(text: str) -> Purpose | None:
    if text and text not in [known.value for known in Purpose]:
        raise BadRequest(f"unknown uxPurpose {text[:40]!a}; known are: {', '.join(Purpose)}")
    return Purpose(text) if text else None


def _kind(context: EntityContext) -> EntityKind:
    return _KINDS[context.name]


def _details(sent: Raw) -> str | None:
    text = bytes(sent).decode()
    return text if text != "null" else None


def _new_record(asked: PermissionDescriptorBase) -> NewRecord:
    details = _details(asked.details)
    if asked.name is None or details is None:
        raise BadRequest("a role needs `name` and `details`")
    resource_type = asked.resource_type or _DEFAULT_RESOURCE_TYPE
    return NewRecord(
        asked.name, asked.description or "", _purpose(asked.ux_purpose or "") or Purpose.ROLE, resource_type, details
    )


def _record(found: Record) -> PermissionDescriptorRecord:
    return PermissionDescriptorRecord(
        id=found.id,
        org_id=found.org_id,
        name=found.name,
        description=found.description,
        ux_purpose=found.purpose.value,
        resource_type=found.resource_type,
        details=Raw(found.details.encode()),
        created=from_millis(found.created_at),
        modified=from_millis(found.modified_at),
        version=found.version,
        is_org_default=found.is_default,
        default_identifier=found.identifier or UNSET,
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


def _assignment(found: Assignment) -> EntityAssignment:
    principal = (
        AssignmentPrincipal(user=_person(found.person))
        if found.person is not None
        else AssignmentPrincipal(team=AssignmentTeam(found.team_name, found.team_display_name))
    )
    given = _permission_set(found.permission_set)
    return EntityAssignment(principal, given, "assignment" if found.person is not None else "team")


def _person(person: users.Person) -> Person:
    return Person(person.name, person.login, person.avatar_url, person.email)


def _permission_set(found: permission_sets.PermissionSet) -> PermissionSet:
    return PermissionSet(found.id, found.name, found.resource_type, found.identifier or UNSET)
