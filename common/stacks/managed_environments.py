"""The environment that belongs to a stack (`pulumi stack new --esc-config`): what changes it, and the draft that an update names.

Environments are a higher area than stacks, so what changes them is passed in with each call (common/environments/service).
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection

from common.core.errors import BadRequest
from common.stacks.engine.jsontext import shield_for
from common.stacks.model import Stack


@dataclass(frozen=True, slots=True)
class UsedDraft:
    """The revision of a change request, a draft of the environment, that an update was evaluated with."""

    request_id: str
    revision: int


# Creates or deletes the environment of a stack, in the transaction of that change of the stack.
Attach = Callable[[Connection, Stack], None]
# Restores the environment of a stack that was deleted at a time in unix milliseconds, in the transaction that restores the stack.
Restore = Callable[[Connection, Stack, int], None]
# Returns what saves a draft as the next revision of the stack's environment, in the transaction that starts an update.
Publish = Callable[[Stack, UsedDraft], Callable[[Connection], None]]


class _Environment(msgspec.Struct, rename={"change_request_id": "changeRequestID", "draft_revision": "draftRevision"}):
    """Upstream: UpdateProgramEnvironment."""

    change_request_id: str = ""
    draft_revision: int = 0


class _Program(msgspec.Struct):
    environment: _Environment | None = None


def read_draft(program: bytes) -> UsedDraft | None:
    """Return the draft in the request that creates an update, or None; BadRequest for a request that names it wrongly."""
    try:
        environment = msgspec.json.decode(shield_for([program]).hide(program), type=_Program).environment
    except msgspec.DecodeError as error:
        raise BadRequest(f"the environment of the update is not valid: {error}") from None
    if environment is None or not environment.change_request_id:
        return None
    return UsedDraft(environment.change_request_id, environment.draft_revision)
