"""Policy groups of an organization (platform.md 12)."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from msgspec import UNSET, Raw, UnsetType

from common.policies.groups import model
from common.policies.groups import service as groups
from common.policies.groups.model import EntityType, Group, GroupChange, GroupDetails, PackReference, Source, StackName
from common.policies.groups.service import PAGE_LIMIT, PAGE_SIZE
from common.stacks.engine.policy_groups import Mode
from common.wire.policy_groups import (
    ListPolicyGroupAccountsResponse,
    ListPolicyGroupsResponse,
    ListPolicyGroupStacksResponse,
    NewPolicyGroupRequest,
    PolicyGroup,
    PolicyGroupMetadata,
    PolicyGroupStack,
    PolicyPackMetadata,
    PolicyPackReference,
    PreviewStackMatchRuleRequest,
    PreviewStackMatchRuleResponse,
    PulumiStackReference,
    StackMatchRulePreviewStack,
    UpdatePolicyGroupRequest,
)
from functions.http.deps import BackendDep, CallerDep, DocumentBodyDep, empty, reply
from functions.http.shapes import group_summary_shape

router = APIRouter()
_GROUPS = "/api/orgs/{org}/policygroups"
_GROUP = f"{_GROUPS}/{{group}}"
_Count = Annotated[int, Query(ge=1, le=PAGE_LIMIT)]
_Token = Annotated[str | None, Query(alias="continuationToken")]


@router.get(_GROUPS)
def list_policy_groups(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    return reply(ListPolicyGroupsResponse([group_summary_shape(summary) for summary in groups.list_groups(backend, caller, org)]))


@router.post(_GROUPS)
def new_policy_group(backend: BackendDep, caller: CallerDep, org: str, body: DocumentBodyDep) -> Response:
    request = body.decode(NewPolicyGroupRequest)
    new = Group(
        "",
        request.name,
        EntityType(request.entity_type or EntityType.STACKS),
        Mode(request.mode or (Mode.AUDIT if request.entity_type == "accounts" else Mode.PREVENTATIVE)),
        request.agent_pool_id or None,
        _rule(request.stack_match_rule),
        _rule(request.account_match_rule),
    )
    groups.create_group(backend, caller, org, new)
    return empty()


@router.get(f"{_GROUPS}/metadata")
def get_policy_group_metadata(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    coverage = groups.get_coverage(backend, caller, org)
    counts = [number for key in ("protected", "preventative", "audit", "total") for number in _counts(coverage[key])]
    return reply(PolicyGroupMetadata(*counts))


@router.post(f"{_GROUPS}/stackmatchrule/preview")
def preview_stack_match_rule(
    backend: BackendDep, caller: CallerDep, org: str, body: DocumentBodyDep, count: _Count = PAGE_SIZE, token: _Token = None
) -> Response:
    request = body.decode(PreviewStackMatchRuleRequest)
    page, matched, total, next_token = groups.preview_stack_rule(
        backend, caller, org, _rule(request.stack_match_rule), search=request.search or "", count=count, token=token
    )
    shapes = [StackMatchRulePreviewStack(stack.name, stack.project, dict(stack.tags)) for stack in page]
    return reply(PreviewStackMatchRuleResponse(shapes, matched, total, next_token or UNSET))


@router.get(_GROUP)
def get_policy_group(backend: BackendDep, caller: CallerDep, org: str, group: str) -> Response:
    return reply(_details(groups.get_group(backend, caller, org, group)))


@router.patch(_GROUP)
def update_policy_group(backend: BackendDep, caller: CallerDep, org: str, group: str, body: DocumentBodyDep) -> Response:
    groups.update_group(backend, caller, org, group, [_change(body.decode(UpdatePolicyGroupRequest))])
    return empty()


@router.delete(_GROUP)
def delete_policy_group(backend: BackendDep, caller: CallerDep, org: str, group: str) -> Response:
    groups.delete_group(backend, caller, org, group)
    return empty()


@router.patch(f"{_GROUP}/batch")
def batch_update_policy_group(backend: BackendDep, caller: CallerDep, org: str, group: str, body: DocumentBodyDep) -> Response:
    changes = [_change(request) for request in body.decode(list[UpdatePolicyGroupRequest])]
    groups.update_group(backend, caller, org, group, changes)
    return empty()


@router.get(f"{_GROUP}/stacks")
def list_policy_group_stacks(
    backend: BackendDep,
    caller: CallerDep,
    org: str,
    group: str,
    source: Source | None = None,
    count: _Count = PAGE_SIZE,
    token: _Token = None,
) -> Response:
    page, next_token = groups.page_stacks(backend, caller, org, group, source=source, count=count, token=token)
    shapes = [
        PolicyGroupStack(member.stack.name, member.stack.project, member.source.value, dict(member.stack.tags)) for member in page
    ]
    return reply(ListPolicyGroupStacksResponse(shapes, next_token or UNSET))


@router.get(f"{_GROUP}/accounts")
def list_policy_group_accounts(backend: BackendDep, caller: CallerDep, org: str, group: str) -> Response:
    groups.require_account_group(backend, caller, org, group)
    return reply(ListPolicyGroupAccountsResponse())


def _change(request: UpdatePolicyGroupRequest) -> GroupChange:
    return GroupChange(
        new_name=request.new_name or None,
        add_stacks=_stacks(request.add_stack),
        remove_stacks=_stacks(request.remove_stack),
        only_stacks=_stacks(*request.stacks) if request.stacks is not None else None,
        add_packs=_packs(request.add_policy_pack),
        remove_packs=_packs(request.remove_policy_pack),
        only_packs=_packs(*request.policy_packs) if request.policy_packs is not None else None,
        add_accounts=tuple(
            account.name for account in (request.add_insights_account, *(request.insights_accounts or ())) if account is not None
        ),
        agent_pool_id=request.agent_pool_id,
        stack_rule=_rule(request.stack_match_rule),
        removes_stack_rule=bool(request.remove_stack_match_rule),
        account_rule=_rule(request.account_match_rule),
        removes_account_rule=bool(request.remove_account_match_rule),
    )


def _stacks(*references: PulumiStackReference | None) -> tuple[StackName, ...]:
    return tuple(StackName(reference.routing_project, reference.name) for reference in references if reference is not None)


def _packs(*references: PolicyPackReference | None) -> tuple[PackReference, ...]:
    return tuple(
        PackReference(
            reference.name,
            reference.version_tag or "",
            reference.version or 0,
            reference.config,
            tuple(reference.environments or ()),
        )
        for reference in references
        if reference is not None
    )


def _rule(sent: Raw) -> str | None:
    text = bytes(sent).decode()
    return text if text != "null" else None


def _counts(coverage: model.Coverage) -> tuple[int, int]:
    return coverage.stacks, coverage.resources


def _details(details: GroupDetails) -> PolicyGroup:
    group = details.group
    return PolicyGroup(
        name=group.name,
        is_org_default=group.is_default,
        entity_type=group.entity_type.value,
        mode=group.mode.value,
        stacks=[PulumiStackReference(stack.name, stack.project) for stack in (member.stack for member in details.members)],
        applied_policy_packs=[_applied(pack) for pack in details.packs],
        accounts=[],
        agent_pool_id=group.agent_pool_id or UNSET,
        stack_match_rule=_raw(group.stack_rule),
        account_match_rule=_raw(group.account_rule),
    )


def _applied(pack: model.AppliedPack) -> PolicyPackMetadata:
    return PolicyPackMetadata(pack.name, pack.display_name, pack.version, pack.tag, _raw(pack.config), _raw(pack.environments))


def _raw(text: str | None) -> Raw | UnsetType:
    return Raw(text.encode()) if text is not None else UNSET
