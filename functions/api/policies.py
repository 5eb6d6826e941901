"""A stack's policy packs and groups (state.md 3)."""

from fastapi import APIRouter, Response

from common.policies import service as policies
from common.wire.policies import GetStackPolicyPacksResponse, ListPolicyGroupsResponse
from functions.http.deps import BackendDep, CallerDep, StackPathDep, reply

router = APIRouter()
_STACK = "/api/stacks/{org}/{project}/{stack}"


@router.get(f"{_STACK}/policypacks")
def get_stack_policy_packs(backend: BackendDep, caller: CallerDep, path: StackPathDep, mode: str | None = None) -> Response:
    return reply(GetStackPolicyPacksResponse(list(policies.list_stack_packs(backend, caller, path, mode))))


@router.get(f"{_STACK}/policygroups")
def get_stack_policy_groups(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Response:
    return reply(ListPolicyGroupsResponse(list(policies.list_stack_groups(backend, caller, path))))
