"""Roles, permission sets and policies, and who holds them. Times are RFC 3339 texts, except a token's: unix seconds."""

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from common.wire.stacks import UserInfo

Purpose = Literal["role", "role_private", "role_user_private", "role_temporary", "policy", "set"]
ContextName = Literal[
    "PermissionExpressionStack",
    "PermissionExpressionEnvironment",
    "PermissionExpressionInsightsAccount",
    "PermissionExpressionTeam",
]


class PermissionDescriptorBase(msgspec.Struct, rename="camel"):
    """Upstream: PermissionDescriptorBase, what a record is made of; `details` is kept as text."""

    name: str | None = None
    description: str | None = None
    resource_type: str | None = None
    ux_purpose: str | None = None
    details: Raw = Raw(b"null")


class UpdateRoleRequest(msgspec.Struct, rename="camel"):
    """Upstream: UpdateRoleRequest; what is absent stays."""

    name: str | None = None
    description: str | None = None
    details: Raw = Raw(b"null")


class PermissionDescriptorRecord(msgspec.Struct, rename="camel"):
    """Upstream: PermissionDescriptorRecord; only built-in records have `defaultIdentifier`."""

    id: str
    org_id: str
    name: str
    description: str
    ux_purpose: Purpose
    resource_type: str
    details: Raw
    created: datetime
    modified: datetime
    version: int
    is_org_default: bool
    default_identifier: str | UnsetType = UNSET


class ListRolesResponse(msgspec.Struct):
    """Upstream: ListRolesResponse, and ListTeamRolesResponse, which is the same."""

    roles: list[PermissionDescriptorRecord]


class RbacScopeMetadata(msgspec.Struct):
    """Upstream: RbacScopeMetadata."""

    description: str


class RbacScope(msgspec.Struct):
    """Upstream: RbacScope, a permission in words."""

    name: str
    metadata: RbacScopeMetadata


class RbacScopeGroup(msgspec.Struct):
    """Upstream: RbacScopeGroup."""

    name: str
    scopes: list[RbacScope]


class TeamWithRole(msgspec.Struct, rename="camel"):
    """Upstream: Team, as far as a list by role tells."""

    kind: str
    name: str
    display_name: str
    description: str


class ListTeamsWithRoleResponse(msgspec.Struct):
    """Upstream: ListTeamsWithRoleResponse."""

    teams: list[TeamWithRole]


class Person(UserInfo, rename="camel"):
    """Upstream: UserInfo with its optional `email`."""

    email: str


class ListUsersWithRoleResponse(msgspec.Struct):
    """Upstream: ListUsersWithRoleResponse."""

    users: list[Person]


class EntityContext(msgspec.Struct):
    """Upstream: PermissionContextExpression, which kind of thing is meant."""

    name: ContextName = msgspec.field(name="__type")


class EntityInstance(msgspec.Struct):
    """Upstream: EntityInstance, one thing by kind and id."""

    context: EntityContext
    id: str


class UpdateEntityAssignmentRequest(msgspec.Struct, rename="camel"):
    """Upstream: UpdateEntityAssignmentRequest; without a set, what the person holds is taken away."""

    context: EntityContext
    id: str
    user_id: str
    permission_set_id: str | None = None


class PermissionSet(msgspec.Struct, rename="camel"):
    """Upstream: PermissionSet."""

    id: str
    name: str
    resource_type: str
    default_identifier: str | UnsetType = UNSET


class AssignmentTeam(msgspec.Struct, rename="camel"):
    """Upstream: AssignmentTeam."""

    name: str
    display_name: str


class AssignmentPrincipal(msgspec.Struct, omit_defaults=True):
    """Upstream: AssignmentPrincipal, one of the two."""

    user: Person | None = None
    team: AssignmentTeam | None = None


class EntityAssignment(msgspec.Struct, rename="camel"):
    """Upstream: EntityAssignment."""

    principal: AssignmentPrincipal
    permission_set: PermissionSet
    source: Literal["assignment", "team"]


class EntityAssignmentsResponse(msgspec.Struct, rename="camel"):
    """Upstream: EntityAssignmentsResponse."""

    assignments: list[EntityAssignment]
    available_permission_sets: list[PermissionSet]


class UpdateEntityAssignmentResponse(msgspec.Struct, omit_defaults=True):
    """Upstream: UpdateEntityAssignmentResponse; empty when the set was taken away."""

    assignment: EntityAssignment | None = None
