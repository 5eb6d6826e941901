"""Scenes of teams and of their roles."""

from pulumi_cloud_sdk import models

from tests.contract.sdk_scene import PROJECT, Scene, refused, scene, unique

WRITE = models.StackPermission.Write


@scene
def list_teams(where: Scene) -> None:
    """Every team is told."""
    teams = {where.team(), where.team()}

    assert teams == {team.name for team in where.admin.orgs.list_teams(where.org).teams}


@scene
def create_pulumi_team(where: Scene) -> None:
    """Who makes a team leads it; a second of that name is refused."""
    name = unique("team")
    asked = models.CreatePulumiTeamRequest(name, "Data platform", "Keeps the data")

    made = where.admin.orgs.create_pulumi_team(where.org, asked)

    assert (name, "Data platform", "Keeps the data") == (made.name, made.display_name, made.description)
    assert {where.admin.login: models.TeamRole.Admin} == {one.github_login: one.role for one in made.members}
    assert models.TeamKind.Pulumi == made.kind
    with refused(409):
        where.admin.orgs.create_pulumi_team(where.org, asked)


@scene
def get_team(where: Scene) -> None:
    """A team is told with members and stacks."""
    other, stack = where.person(), where.stack()
    team = where.team(other)
    where.change_team(team, add_stack_permission=models.TeamStackPermission(PROJECT, stack, WRITE))

    found = where.get_team(team)

    assert {where.admin.login, other.login} == {one.github_login for one in found.members}
    assert [(PROJECT, stack, WRITE)] == [(one.project_name, one.stack_name, one.permission) for one in found.stacks]
    assert models.TeamRole.Admin == found.user_role


@scene
def update_team(where: Scene) -> None:
    """Every kind of change, each in a call of its own; the SDK sends all the others as null."""
    other, stack, team = where.person(), where.stack(), where.team()
    action, level = models.MemberAction, models.StackPermission

    where.change_team(team, new_display_name="Operations")
    where.change_team(team, new_description="Runs all")
    where.change_team(team, member_action=action.Add, member=other.login)
    where.change_team(team, member_action=action.Promote, member=other.login)
    where.change_team(team, add_stack_permission=models.TeamStackPermission(PROJECT, stack, level.Read))
    where.change_team(team, edit_stack_permission=models.TeamStackPermission(PROJECT, stack, level.Admin))
    full = where.get_team(team)
    where.change_team(team, member_action=action.Demote, member=other.login)
    demoted = where.get_team(team)
    where.change_team(team, member_action=action.Remove, member=other.login)
    where.change_team(team, remove_stack=models.RemoveStackIdentifier(PROJECT, stack))
    last = where.get_team(team)

    assert ("Operations", "Runs all") == (full.display_name, full.description)
    assert models.TeamRole.Admin == {one.github_login: one.role for one in full.members}[other.login]
    assert models.TeamRole.Member == {one.github_login: one.role for one in demoted.members}[other.login]
    assert [level.Admin] == [one.permission for one in full.stacks]
    assert [where.admin.login] == [one.github_login for one in last.members]
    assert not last.stacks


@scene
def delete_team(where: Scene) -> None:
    """What is gone is not found."""
    team = where.team()

    where.admin.orgs.delete_team(where.org, team)

    with refused(404):
        where.get_team(team)
    with refused(404):
        where.admin.orgs.delete_team(where.org, team)


@scene
def list_team_roles(where: Scene) -> None:
    """A team tells the roles that it holds."""
    team, role = where.team(), where.role("stack:read", "stack:list")
    where.admin.orgs.update_team_roles(where.org, team, role.id)

    found = where.admin.orgs.list_team_roles(where.org, team).roles

    assert [(role.id, role.name)] == [(one.id, one.name) for one in found]
    assert ["stack:list", "stack:read"] == sorted(str(one) for one in found[0].details.permissions)


@scene
def update_team_roles(where: Scene) -> None:
    """A team may hold several roles, and giving one twice changes nothing."""
    team, one, two = where.team(), where.role("stack:read"), where.role("stack:write")

    for role in (one, two, two):
        where.admin.orgs.update_team_roles(where.org, team, role.id)

    assert {one.id, two.id} == set(where.get_team(team).role_ids)


@scene
def delete_team_role(where: Scene) -> None:
    """Who loses a role does not hold it, and cannot lose it twice."""
    team, role = where.team(), where.role("stack:read")
    where.admin.orgs.update_team_roles(where.org, team, role.id)

    where.admin.orgs.delete_team_role(where.org, team, role.id)

    assert [] == where.admin.orgs.list_team_roles(where.org, team).roles
    with refused(404):
        where.admin.orgs.delete_team_role(where.org, team, role.id)


@scene
def enable_team_roles(where: Scene) -> None:
    """What a team was given stack by stack becomes a role of its own, which gives the same."""
    other = where.person()
    team, stack = where.team(other), where.stack()
    where.change_team(team, add_stack_permission=models.TeamStackPermission(PROJECT, stack, models.StackPermission.Admin))

    record = where.admin.orgs.enable_team_roles(where.org, team)

    assert models.PermissionDescriptorUXPurpose.RolePrivate == record.ux_purpose
    assert record.id in where.get_team(team).role_ids
    other.stacks.delete_stack(where.org, PROJECT, stack)
