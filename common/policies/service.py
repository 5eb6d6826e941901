"""Which policies an update must keep. There is no store yet, so no stack has any."""

from common.backend import Backend
from common.core.errors import BadRequest
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import steps as stacks
from common.stacks.model import StackPath
from common.wire.policies import GetStackPolicyPacksResponse, ListPolicyGroupsResponse

_MODES = ("audit", "preventative")


def list_stack_packs(backend: Backend, caller: Caller, path: StackPath, mode: str | None) -> GetStackPolicyPacksResponse:
    """Return the packs that an update of the stack must pass, of one mode or of both: none."""
    stacks.get_stack(backend, caller, path, Permission.STACK_READ)
    if mode is not None and mode not in _MODES:
        raise BadRequest(f"mode must be {' or '.join(_MODES)}")
    return GetStackPolicyPacksResponse(required_policies=[])


def list_stack_groups(backend: Backend, caller: Caller, path: StackPath) -> ListPolicyGroupsResponse:
    """Return the policy groups that the stack is in: none."""
    stacks.get_stack(backend, caller, path, Permission.STACK_READ)
    return ListPolicyGroupsResponse(policy_groups=[])
