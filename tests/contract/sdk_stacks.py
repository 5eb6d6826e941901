"""Scenes of what belongs to one stack: who may reach it, where it goes, its tags."""

from typing import Any

from pulumi_cloud_sdk import models

from common.rights import built_in
from tests.contract.sdk_scene import PROJECT, Scene, refused, scene, unique

TAGS = models.AppStackTagName
LEVELS = models.StackPermission


def tags_of(where: Scene, stack: str) -> Any:
    """Return the tags of a stack, without the one that every stack has."""
    found = where.admin.stacks.get_stack(where.org, PROJECT, stack).tags
    return {name: value for name, value in found.items() if name != TAGS.ProjectNameTag.value}


def share(where: Scene, stack: str, login: str, permission_set: str) -> None:
    """Give one person a permission set on a stack."""
    asked = models.UpdateEntityAssignmentRequest(models.PermissionExpressionStack(), where.stack_id(stack), login, permission_set)
    where.admin.orgs.update_entity_assignment(where.org, asked)


@scene
def get_stack_metadata(where: Scene) -> None:
    """A stack tells who owns it, which is at first who made it."""
    maker = where.person()
    stack = where.stack(maker)

    found = where.admin.stacks.get_stack_metadata(where.org, PROJECT, stack)

    assert (where.org, PROJECT, stack) == (found.org_name, found.project_name, found.stack_name)
    assert maker.login == found.owned_by.github_login


@scene
def list_stack_teams(where: Scene) -> None:
    """Which teams reach a stack, and how far."""
    stack, team = where.stack(), where.team()
    where.change_team(team, add_stack_permission=models.TeamStackPermission(PROJECT, stack, LEVELS.Write))

    found = where.admin.stacks.list_stack_teams(where.org, PROJECT, stack)

    assert PROJECT == found.project_name
    assert [(team, "Platform", LEVELS.Write, True)] == [
        (one.name, one.display_name, one.permission, one.is_member) for one in found.teams
    ]


@scene
def update_team_stack_permissions(where: Scene) -> None:
    """A team's level on one stack is set, and taken away by null."""
    stack, team = where.stack(), where.team()

    def give(level: Any) -> list[Any]:
        asked = models.UpdateTeamStackPermissionsRequest(level)
        where.admin.stacks.update_team_stack_permissions(where.org, PROJECT, stack, team, asked)
        return [one.permission for one in where.admin.stacks.list_stack_teams(where.org, PROJECT, stack).teams]

    assert [[LEVELS.Read], [LEVELS.Admin], []] == [give(LEVELS.Read), give(LEVELS.Admin), give(None)]


@scene
def list_stack_permissions(where: Scene) -> None:
    """Who reaches a stack by name, and who made it."""
    maker, other = where.person(), where.person()
    stack = where.stack(maker)
    share(where, stack, other.login, built_in.STACK_WRITE.id)

    found = where.admin.stacks.list_stack_permissions(where.org, PROJECT, stack)

    assert maker.login == found.stack_creator_user_name
    assert LEVELS.Write == {one.user.github_login: one.permission for one in found.users}[other.login]


@scene
def delete_stack_permission(where: Scene) -> None:
    """Who is taken off the list reaches the stack as before they were on it, and cannot be taken off twice."""
    stack, other = where.stack(), where.person()
    share(where, stack, other.login, built_in.STACK_ADMIN.id)

    where.admin.stacks.delete_stack_permission(where.org, PROJECT, stack, other.login)

    with refused(403):
        other.stacks.delete_stack(where.org, PROJECT, stack)
    with refused(404):
        where.admin.stacks.delete_stack_permission(where.org, PROJECT, stack, other.login)


@scene
def transfer_stack(where: Scene) -> None:
    """A stack moves to another organization with its tags."""
    stack, target = where.stack(), where.second_org()
    where.admin.stacks.add_stack_tag(where.org, PROJECT, stack, models.StackTag(TAGS.ProjectRuntimeTag, "python"))

    where.admin.stacks.transfer_stack(where.org, PROJECT, stack, models.TransferStackRequest(target))

    moved = where.admin.stacks.get_stack(target, PROJECT, stack)
    assert (target, "python") == (moved.org_name, moved.tags["pulumi:runtime"])
    with refused(404):
        where.admin.stacks.get_stack(where.org, PROJECT, stack)


@scene
def transfer_all_stacks(where: Scene) -> None:
    """All stacks move, and words tell how many."""
    stacks, target = {where.stack(), where.stack()}, where.second_org()

    told = where.admin.orgs.transfer_all_stacks(where.org, models.TransferAllStacksRequest(where.org, target))

    found = where.admin.users.list_user_stacks(organization=target).stacks
    assert "2" in told
    assert stacks == {one.stack_name for one in found}


@scene
def reassign_stack_ownership(where: Scene) -> None:
    """Another user becomes the owner; the reply names who was."""
    stack, other = where.stack(), where.person()

    before = where.admin.stacks.reassign_stack_ownership(where.org, PROJECT, stack, models.UserInfo("", other.login, ""))

    assert where.admin.login == before.github_login
    again = where.admin.stacks.reassign_stack_ownership(where.org, PROJECT, stack, models.UserInfo("", other.login, ""))
    assert other.login == again.github_login


@scene
def list_deleted_stacks(where: Scene) -> None:
    """What was deleted is told, the latest first."""
    one, two = where.stack(), where.stack()
    for stack in (one, two):
        where.admin.stacks.delete_stack(where.org, PROJECT, stack)

    found = where.admin.orgs.list_deleted_stacks(where.org).deleted_stacks

    assert [two, one] == [stack.stack_name for stack in found]
    assert found[0].project_name == PROJECT
    assert found[0].deleted_at > 1_700_000_000


@scene
def restore_deleted_stack(where: Scene) -> None:
    """A deleted stack comes back under a name that is free."""
    stack, name = where.stack(), unique("stack")
    where.admin.stacks.delete_stack(where.org, PROJECT, stack)
    (deleted,) = where.admin.orgs.list_deleted_stacks(where.org).deleted_stacks

    with refused(409):
        taken = models.RestoreDeletedStackRequest(where.stack())
        where.admin.orgs.restore_deleted_stack(where.org, deleted.program_id, taken)
    where.admin.orgs.restore_deleted_stack(where.org, deleted.program_id, models.RestoreDeletedStackRequest(name))

    assert name == where.admin.stacks.get_stack(where.org, PROJECT, name).stack_name
    assert [] == where.admin.orgs.list_deleted_stacks(where.org).deleted_stacks


@scene
def update_stack_tags(where: Scene) -> None:
    """The whole map is replaced, with names that only the map can have."""
    stack = where.stack()

    where.admin.stacks.update_stack_tags(where.org, PROJECT, stack, {"team": "web", "pulumi:project": PROJECT})
    where.admin.stacks.update_stack_tags(where.org, PROJECT, stack, {"owner": "alice", "pulumi:project": PROJECT})

    assert {"owner": "alice"} == tags_of(where, stack)


@scene
def add_stack_tag(where: Scene) -> None:
    """One tag is added, once."""
    stack, tag = where.stack(), models.StackTag(TAGS.ProjectDescriptionTag, "a shop")

    where.admin.stacks.add_stack_tag(where.org, PROJECT, stack, tag)

    assert {"pulumi:description": "a shop"} == tags_of(where, stack)
    with refused(400):
        where.admin.stacks.add_stack_tag(where.org, PROJECT, stack, tag)


@scene
def update_stack_tag(where: Scene) -> None:
    """One tag gets another value; the SDK can name none but the vendor's, and those are refused."""
    stack = where.stack()
    where.admin.stacks.update_stack_tags(where.org, PROJECT, stack, {"pulumi:project": PROJECT, "owner": "alice"})

    where.admin.stacks.update_stack_tag(where.org, PROJECT, stack, "owner", models.StackTag("owner", "bob"))

    assert {"owner": "bob"} == tags_of(where, stack)


@scene
def delete_stack_tag(where: Scene) -> None:
    """One tag goes away, once."""
    stack = where.stack()
    where.admin.stacks.update_stack_tags(where.org, PROJECT, stack, {"pulumi:project": PROJECT, "owner": "alice"})

    where.admin.stacks.delete_stack_tag(where.org, PROJECT, stack, "owner")

    assert {} == tags_of(where, stack)
    with refused(404):
        where.admin.stacks.delete_stack_tag(where.org, PROJECT, stack, "owner")


@scene
def upsert_stacks_annotations(where: Scene) -> None:
    """A document is stored, and a change of another version of it is refused."""
    stack = where.stack()

    where.admin.stacks.upsert_stacks_annotations(where.org, PROJECT, stack, "readme", {"text": "one"}, version=0)

    with refused(409):
        where.admin.stacks.upsert_stacks_annotations(where.org, PROJECT, stack, "readme", {"text": "two"}, version=7)


@scene
def get_stacks_annotation(where: Scene) -> None:
    """A document comes back, for each source of it."""
    stack = where.stack()
    where.admin.stacks.upsert_stacks_annotations(where.org, PROJECT, stack, "readme", {"text": "one"}, source="robot")

    assert {"text": "one"} == where.admin.stacks.get_stacks_annotation(where.org, PROJECT, stack, "readme", source="robot")
    with refused(404):
        where.admin.stacks.get_stacks_annotation(where.org, PROJECT, stack, "readme")


@scene
def get_stack_starter_workflow(where: Scene) -> None:
    """A pipeline is written for a stack with a runtime."""
    stack, request = where.stack(), models.GetStarterWorkflowRequest("github", "infra", True)
    with refused(400):
        where.admin.stacks.get_stack_starter_workflow(where.org, PROJECT, stack, request)
    where.admin.stacks.add_stack_tag(where.org, PROJECT, stack, models.StackTag(TAGS.ProjectRuntimeTag, "python"))

    assert "pulumi/actions" in where.admin.stacks.get_stack_starter_workflow(where.org, PROJECT, stack, request).content


@scene
def encrypt_project_value(where: Scene) -> None:
    """A value is encrypted for the project, which needs a stack."""
    request = models.AppEncryptValueRequest(b"x")
    with refused(404):
        where.admin.orgs.encrypt_project_value(where.org, PROJECT, request)
    where.stack()

    assert where.admin.orgs.encrypt_project_value(where.org, PROJECT, request).ciphertext


@scene
def decrypt_project_value(where: Scene) -> None:
    """A value comes back."""
    where.stack()
    ciphertext = where.admin.orgs.encrypt_project_value(where.org, PROJECT, models.AppEncryptValueRequest(b"x")).ciphertext

    assert b"x" == where.admin.orgs.decrypt_project_value(where.org, PROJECT, models.AppDecryptValueRequest(ciphertext)).plaintext


@scene
def batch_decrypt_project_value(where: Scene) -> None:
    """Values come back by their ciphertexts."""
    where.stack()
    sealed = [
        where.admin.orgs.encrypt_project_value(where.org, PROJECT, models.AppEncryptValueRequest(value)).ciphertext
        for value in (b"x", b"y")
    ]

    reply = where.admin.orgs.batch_decrypt_project_value(where.org, PROJECT, models.AppBatchDecryptRequest(sealed))

    assert {b"x", b"y"} == set(reply.plaintexts.values())


@scene
def update_stack_notification_settings(where: Scene) -> None:
    """Mails to the owner are turned on, and the stack's metadata says so."""
    stack, request = where.stack(), models.UpdateStackNotificationSettingsRequest(True, False)

    changed = where.admin.stacks.update_stack_notification_settings(where.org, PROJECT, stack, request).notification_settings
    read = where.admin.stacks.get_stack_metadata(where.org, PROJECT, stack).notification_settings

    assert [(True, False)] * 2 == [(mails.notify_update_failure, mails.notify_update_success) for mails in (changed, read)]
