"""A stack's policy packs and groups (state.md 3)."""

from fastapi import APIRouter, Response

from common.core.errors import BadRequest
from common.policies.groups import service as groups
from common.stacks.engine.policy_groups import Mode
from common.wire.policies import GetStackPolicyPacksResponse
from common.wire.policy_groups import ListPolicyGroupsResponse
from functions.http.deps import BackendDep, CallerDep, StackPathDep, reply
from functions.http.shapes import group_summary_shape, policy_shape

router = APIRouter()
_STACK = "/api/stacks/{org}/{project}/{stack}"


@router.get(f"{_STACK}/policypacks")
def get_stack_policy_packs(backend: BackendDep, caller: CallerDep, path: StackPathDep, mode: str | None = None) -> Response:
    policies = groups.list_packs_of_stack(backend, caller, path, _mode(mode))
    return reply(GetStackPolicyPacksResponse([policy_shape(policy) for policy in policies]))


@router.get(f"{_STACK}/policygroups")
def get_stack_policy_groups(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Response:
    summaries = groups.list_groups_of_stack(backend, caller, path)
    return reply(ListPolicyGroupsResponse([group_summary_shape(summary) for summary in summaries]))


def _mode(text: str | None) -> Mode | None:
    if text and text not in [mode.value for mode in Mode]:
        raise BadRequest(f"mode must be {' or '.join(Mode)}")
    return Mode(text) if text else None
