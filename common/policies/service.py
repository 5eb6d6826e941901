"""The policies that an update must meet. There is no store yet, so no stack has any."""

from typing import Never

from common.backend import Backend
from common.core.errors import BadRequest
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import steps as stacks
from common.stacks.model import StackPath

_MODES = ("audit", "preventative")


def list_stack_packs(backend: Backend, caller: Caller, path: StackPath, mode: str | None) -> list[Never]:
    """Return the packs that an update of the stack must meet, of one mode or of both; always empty."""
    stacks.get_stack(backend, caller, path, Permission.STACK_READ)
    if mode is not None and mode not in _MODES:
        raise BadRequest(f"mode must be {' or '.join(_MODES)}")
    return []


def list_stack_groups(backend: Backend, caller: Caller, path: StackPath) -> list[Never]:
    """Return the policy groups of the stack; always empty."""
    stacks.get_stack(backend, caller, path, Permission.STACK_READ)
    return []
