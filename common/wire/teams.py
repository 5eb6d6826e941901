"""Teams: upstream's Team and UpdateTeamRequest, and what is shared on one stack. In requests null equals absent."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from common.wire.roles import Person

StackPermission = Literal[0, 101, 102, 103, 104]
EnvironmentPermission = Literal["none", "read", "open", "write", "admin"]


class TeamMemberInfo(Person):
    """Upstream: TeamMemberInfo, a UserInfo with the role in the team."""

    role: str


class TeamStackPermission(msgspec.Struct, rename="camel"):
    """Upstream: TeamStackPermission; 0 is no permission, 101 to 104 read, write, admin, creator."""

    project_name: str
    stack_name: str
    permission: StackPermission
    permission_set_name: str | UnsetType | None = UNSET


class TeamEnvironmentSettings(msgspec.Struct, rename="camel"):
    """Upstream: TeamEnvironmentSettings; `maxOpenDuration` is a Go duration."""

    project_name: str
    env_name: str
    permission: EnvironmentPermission
    max_open_duration: str | UnsetType | None = UNSET
    permission_set_name: str | UnsetType | None = UNSET


class Team(msgspec.Struct, rename="camel"):
    """Upstream: Team. A list of teams does without all that is UNSET."""

    kind: str
    name: str
    display_name: str
    description: str
    user_role: str
    members: list[TeamMemberInfo] | UnsetType = UNSET
    stacks: list[TeamStackPermission] | UnsetType = UNSET
    environments: list[TeamEnvironmentSettings] | UnsetType = UNSET
    accounts: list[str] | UnsetType = UNSET
    role_ids: list[str] | UnsetType = UNSET


class ListTeamsResponse(msgspec.Struct):
    """Upstream: ListTeamsResponse."""

    teams: list[Team]


class CreatePulumiTeamRequest(msgspec.Struct, rename="camel"):
    """Upstream: CreatePulumiTeamRequest."""

    name: str
    display_name: str | None = None
    description: str | None = None


class RemoveStackIdentifier(msgspec.Struct, rename="camel"):
    """Upstream: RemoveStackIdentifier."""

    project_name: str
    stack_name: str


class RemoveEnvironmentIdentifier(msgspec.Struct, rename="camel"):
    """Upstream: RemoveEnvironmentIdentifier."""

    project_name: str
    env_name: str


class UpdateTeamRequest(msgspec.Struct, rename="camel"):
    """Upstream: UpdateTeamRequest, one call for every change of a team."""

    new_display_name: str | None = None
    new_description: str | None = None
    member_action: Literal["add", "remove", "promote", "demote"] | None = None
    member: str | None = None
    add_stack_permission: TeamStackPermission | None = None
    edit_stack_permission: TeamStackPermission | None = None
    remove_stack: RemoveStackIdentifier | None = None
    add_environment_permission: TeamEnvironmentSettings | None = None
    edit_environment_permission: TeamEnvironmentSettings | None = None
    remove_environment: RemoveEnvironmentIdentifier | None = None


class StackTeam(msgspec.Struct, rename="camel"):
    """Upstream: StackTeam."""

    name: str
    display_name: str
    description: str
    permission: StackPermission
    is_member: bool


class ListTeamsByStackResponse(msgspec.Struct, rename="camel"):
    """Upstream: ListTeamsByStackResponse."""

    project_name: str
    teams: list[StackTeam]


class UserPermission(msgspec.Struct):
    """Upstream: UserPermission."""

    user: Person
    permission: StackPermission


class ListStackCollaboratorsResponse(msgspec.Struct, rename="camel"):
    """Upstream: ListStackCollaboratorsResponse."""

    users: list[UserPermission]
    stack_creator_user_name: str | UnsetType = UNSET


class UpdateTeamStackPermissionsRequest(msgspec.Struct):
    """Upstream: UpdateTeamStackPermissionsRequest; null takes away."""

    permissions: StackPermission | None = None
