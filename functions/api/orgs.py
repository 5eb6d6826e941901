"""Organizations: their stacks and their settings (platform.md 4)."""

from itertools import groupby
from typing import Any

import msgspec
from fastapi import APIRouter, Response
from msgspec import UNSET

from common.core.clock import from_millis
from common.people.orgs import service as orgs
from common.people.orgs.features import FEATURES
from common.people.orgs.service import Organization
from common.rights.built_in import MEMBER
from common.rights.permissions import StackLevel
from common.stacks.model import OrganizationStack
from common.stacks.service import listing as contents
from common.wire import orgs as wire
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, reply
from functions.http.shapes import result_of

router = APIRouter()
_ORG = "/api/orgs/{org}"


@router.get(_ORG)
def get_organization(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    membership, stacks = contents.get_organization(backend, caller, org)
    return reply(wire.Organization(membership.login, membership.name, membership.avatar_url, _repositories(org, stacks)))


@router.patch(_ORG)
def update_organization(backend: BackendDep, caller: CallerDep, org: str, body: BodyDep) -> Response:
    changes = _changes(body.decode(wire.UpdateOrganizationRequest))
    return reply(_metadata(orgs.update_organization(backend, caller, org, changes)))


@router.get(f"{_ORG}/metadata")
def get_organization_metadata(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    return reply(_metadata(orgs.get_organization(backend, caller, org)))


def _changes(request: wire.UpdateOrganizationRequest) -> dict[str, Any]:
    """Return the settings that a request sets, by name."""
    changes = {name.removeprefix("set_"): value for name, value in msgspec.structs.asdict(request).items() if value is not None}
    changes.pop("permission_mode", None)
    if "default_stack_permission" in changes:
        changes["default_stack_permission"] = StackLevel(changes["default_stack_permission"])
    return changes


def _metadata(organization: Organization) -> wire.OrganizationMetadata:
    settings, counts = organization.settings, organization.counts
    return wire.OrganizationMetadata(
        id=organization.membership.org_id,
        kind="single-user" if organization.membership.is_personal else "pulumi",
        created=from_millis(counts.created_at),
        user_role=organization.membership.role,
        default_stack_permission=settings.default_stack_permission,
        default_environment_permission=settings.default_environment_permission,
        default_account_permission=settings.default_account_permission,
        members_can_create_stacks=settings.members_can_create_stacks,
        members_can_delete_stacks=settings.members_can_delete_stacks,
        members_can_transfer_stacks=settings.members_can_transfer_stacks,
        members_can_create_teams=settings.members_can_create_teams,
        members_can_create_accounts=settings.members_can_create_accounts,
        neo_enabled=settings.neo_enabled,
        neo_approval_mode=settings.neo_approval_mode,
        neo_task_sharing_mode=settings.neo_task_sharing_mode,
        neo_cli_explanations_disabled=settings.neo_cli_explanations_disabled,
        natural_language_search_disabled=settings.natural_language_search_disabled,
        neo_agent_disabled=settings.neo_agent_disabled,
        ai_enablement=settings.ai_enablement,
        preferred_vcs=settings.preferred_vcs,
        features=FEATURES,
        account_count=counts.accounts,
        environment_count=counts.environments,
        stack_count=counts.stacks,
        member_count=counts.members,
        max_access_token_expiry_days=settings.max_access_token_expiry_days,
        default_role_id=settings.default_role_id or MEMBER.id,
        default_deployment_role_id=settings.default_deployment_role_id or UNSET,
    )


def _repositories(org: str, stacks: list[OrganizationStack]) -> list[wire.PulumiRepository]:
    """Return stacks by project. The server knows no repositories, so each project is one of its own, as the client routes it."""
    by_project = groupby(stacks, key=lambda stack: stack.project)
    return [wire.PulumiRepository(org, name, [_project(org, name, list(group))]) for name, group in by_project]


def _project(org: str, name: str, stacks: list[OrganizationStack]) -> wire.PulumiProject:
    tags = {key: value for stack in stacks for key, value in stack.tags.items()}
    return wire.PulumiProject(
        org_name=org,
        repo_name=name,
        name=name,
        stacks=[_stack(stack) for stack in stacks],
        runtime=tags.get("pulumi:runtime", UNSET),
        description=tags.get("pulumi:description", UNSET),
    )


def _stack(stack: OrganizationStack) -> wire.PulumiStack:
    times = (stack.started_at // 1000, max(stack.started_at, stack.ended_at) // 1000)
    return wire.PulumiStack(
        program_id=stack.id,
        name=stack.name,
        routing_repo=stack.project,
        routing_project=stack.project,
        tags=stack.tags,
        last_update=wire.UpdateSummary(result_of(stack.status), *times, stack.resource_count) if stack.version else UNSET,
    )
