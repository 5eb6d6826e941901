"""Scenes of custom roles, permission sets and of who holds what on one stack."""

from typing import Any

from pulumi_cloud_sdk import models

from common.rights import built_in
from tests.contract.sdk_scene import PROJECT, Scene, allowing, refused, scene, unique

PURPOSES = models.PermissionDescriptorUXPurpose


def on_one_stack(stack_id: str, *sets: str) -> Any:
    """Return a descriptor that holds what permission sets hold, on one stack."""
    is_it = models.PermissionExpressionEqual(
        left=models.PermissionExpressionStack(), right=models.PermissionLiteralExpressionStack(identity=stack_id)
    )
    composed = models.PermissionDescriptorCompose(permission_descriptors=list(sets))
    return models.PermissionDescriptorGroup(entries=[models.PermissionDescriptorCondition(condition=is_it, sub_node=composed)])


def named(name: str, details: Any) -> Any:
    """Return a request for a role."""
    return models.PermissionDescriptorBase(name=name, description="", ux_purpose=PURPOSES.Role, details=details)


@scene
def list_roles_by_org_id_and_ux_purpose(where: Scene) -> None:
    """Built-in roles are there without being made, and each purpose has a list of its own."""
    role, made_set = where.role("stack:read"), where.role("stack:read", purpose="set")

    roles = where.admin.orgs.list_roles_by_org_id_and_ux_purpose(where.org, PURPOSES.Role).roles
    sets = where.admin.orgs.list_roles_by_org_id_and_ux_purpose(where.org, PURPOSES.Set).roles
    mine = where.admin.orgs.list_roles_by_org_id_and_ux_purpose(where.org, PURPOSES.Role, assigned_to_me=True).roles

    assert {"admin", "member", "billing-manager", None} == {one.default_identifier for one in roles}
    assert role.id in [one.id for one in roles]
    assert {made_set.id, built_in.STACK_READ.id} < {one.id for one in sets}
    assert ["admin"] == [one.default_identifier for one in mine]
    assert [built_in.MEMBER.id] == [one.id for one in roles if one.is_org_default]


@scene
def create_role(where: Scene) -> None:
    """A role comes back as it was sent, whole grammar included; a second of that name is refused."""
    details = on_one_stack(where.stack_id(where.stack()), built_in.STACK_WRITE.id)
    asked = named(unique("Role"), details)

    made = where.admin.orgs.create_role(where.org, asked)

    assert (asked.name, 1) == (made.name, made.version)
    assert details == made.details
    assert made.created == made.modified
    with refused(409):
        where.admin.orgs.create_role(where.org, asked)


@scene
def list_available_scopes(where: Scene) -> None:
    """Every permission is told with words, in groups whose names the SDK knows."""
    found = where.admin.orgs.list_available_scopes(where.org)
    scopes = [one for groups in found.values() for group in groups for one in group.scopes]

    assert models.RbacPermission.StackRead in [one.name for one in scopes]
    assert [] == [one.name for one in scopes if not one.metadata.description]


@scene
def get_role(where: Scene) -> None:
    """Custom and built-in roles are told alike."""
    role = where.role("stack:read")

    assert role.name == where.admin.orgs.get_role(where.org, role.id).name
    assert "stack-read" == where.admin.orgs.get_role(where.org, built_in.STACK_READ.id).default_identifier


@scene
def update_role(where: Scene) -> None:
    """What is not sent stays, and each change counts up the version."""
    role, name = where.role("stack:read"), unique("Role")

    renamed = where.admin.orgs.update_role(where.org, role.id, models.UpdateRoleRequest(name=name))
    wider = where.admin.orgs.update_role(where.org, role.id, models.UpdateRoleRequest(details=allowing("stack:write")))

    assert (name, role.description, 2) == (renamed.name, renamed.description, renamed.version)
    assert role.details == renamed.details
    assert (name, allowing("stack:write"), 3) == (wider.name, wider.details, wider.version)


@scene
def delete_role(where: Scene) -> None:
    """A role that a user holds goes away by force alone."""
    team, role = where.team(), where.role("stack:read")
    where.admin.orgs.update_team_roles(where.org, team, role.id)

    with refused(409):
        where.admin.orgs.delete_role(where.org, role.id)
    where.admin.orgs.delete_role(where.org, role.id, force=True)

    assert not where.get_team(team).role_ids
    with refused(404):
        where.admin.orgs.get_role(where.org, role.id)


@scene
def update_organization_default_role(where: Scene) -> None:
    """Who joins from then on gets the role."""
    role, guest = where.role("stack:read"), where.person(role=None)

    where.admin.orgs.update_organization_default_role(where.org, role.id)
    added = where.admin.orgs.add_organization_member(
        where.org, guest.login, models.AddOrganizationMemberRequest(models.OrganizationRole.Member)
    )

    assert role.id == added.fga_role.id
    assert where.admin.orgs.get_role(where.org, role.id).is_org_default is True
    assert role.id == where.admin.orgs.get_organization_metadata(where.org).default_role_id


@scene
def list_teams_with_role(where: Scene) -> None:
    """The teams that hold a role."""
    team, role = where.team(), where.role("stack:read")
    where.admin.orgs.update_team_roles(where.org, team, role.id)

    assert [team] == [one.name for one in where.admin.orgs.list_teams_with_role(where.org, role.id).teams]


@scene
def list_org_tokens_with_role(where: Scene) -> None:
    """The tokens that hold a role; a custom role has no identifier of the vendor's, so it goes untold."""
    role, name = where.role("stack:read"), unique("token")
    asked = models.CreateOrgAccessTokenRequest("", 0, name, admin=False, role_id=role.id)
    made = where.admin.orgs.create_org_token(where.org, asked)

    assert [(made.id, name)] == [(o.id, o.name) for o in where.admin.orgs.list_org_tokens_with_role(where.org, role.id).tokens]


@scene
def list_users_with_role(where: Scene) -> None:
    """The people who hold a role."""
    other, role = where.person(), where.role("stack:read")
    where.admin.orgs.update_organization_member(
        where.org, other.login, models.UpdateOrganizationMemberRequest(fga_role_id=role.id)
    )

    assert [other.login] == [one.github_login for one in where.admin.orgs.list_users_with_role(where.org, role.id).users]
    assert [where.admin.login] == [
        one.github_login for one in where.admin.orgs.list_users_with_role(where.org, built_in.ADMIN.id).users
    ]


@scene
def list_entity_assignments(where: Scene) -> None:
    """Who holds what on a stack: the creator, and teams that were given it."""
    stack, team = where.stack(), where.team()
    where.change_team(team, add_stack_permission=models.TeamStackPermission(PROJECT, stack, models.StackPermission.Write))
    entity = models.EntityInstance(models.PermissionExpressionStack(), where.stack_id(stack))

    found = where.admin.orgs.list_entity_assignments(where.org, entity)

    assert [(team, "stack-write")] == [
        (one.principal.team.name, one.permission_set.default_identifier) for one in found.assignments if one.principal.team
    ]
    assert {"stack-read", "stack-write", "stack-admin"} <= {one.default_identifier for one in found.available_permission_sets}


@scene
def update_entity_assignment(where: Scene) -> None:
    """One person's set on a stack is given, and taken away again."""
    other, stack = where.person(), where.stack()
    context, stack_id = models.PermissionExpressionStack(), where.stack_id(stack)

    def give(permission_set: str | None) -> Any:
        asked = models.UpdateEntityAssignmentRequest(context, stack_id, other.login, permission_set)
        return where.admin.orgs.update_entity_assignment(where.org, asked).assignment

    given, taken = give(built_in.STACK_ADMIN.id), give(None)

    assert (other.login, built_in.STACK_ADMIN.id) == (given.principal.user.github_login, given.permission_set.id)
    assert models.AssignmentSource.Assignment == given.source
    assert taken is None
    with refused(403):
        other.stacks.delete_stack(where.org, PROJECT, stack)
