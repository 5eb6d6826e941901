"""The outputs of a stack for other areas of the server: a step, with the rights of the caller."""

from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from dataclasses import dataclass

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.errors import BadRequest
from common.crypto.envelope import REFUSAL, Envelope
from common.crypto.owner_keys import open_envelope
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import steps as stacks
from common.stacks.engine import document
from common.stacks.model import StackPath
from common.stacks.updates.finishing import get_current_stack
from common.stacks.updates.stored_state import current_text


@dataclass(frozen=True, slots=True)
class StackOutputs:
    """The outputs as JSON text, `{}` without any, and what decrypts the secrets in them: None for a caller who may not."""

    text: bytes
    envelope: Envelope | None

    def decrypt(self, ciphertext: str) -> str:
        """Return the JSON text of a secret; BadRequest if the stack's own key does not open it, or the caller may not."""
        if self.envelope is None:
            raise BadRequest("you may not decrypt the secrets of this stack")
        try:
            data = a2b_base64(ciphertext, strict_mode=True)
        except (Base64Error, ValueError):
            data = b""
        if b64encode(data).decode() != ciphertext:
            raise BadRequest(REFUSAL)
        return self.envelope.open(data).decode("utf-8", "replace")


def read(backend: Backend, caller: Caller, path: StackPath) -> StackOutputs:
    """Return the outputs of the stack's newest state; errors as in stacks.get_stack. The audit log has a record of it."""
    stack = get_current_stack(backend, caller, path, Permission.STACK_READ)
    text = None
    if stack.latest.checkpoint is not None:
        text, _providers = document.outputs(current_text(backend, stack))
    envelope = None
    if stacks.may_on_stack(caller, stack, Permission.STACK_DECRYPT):
        envelope = open_envelope(backend, stack.id, stack.wrapped_key)
    description = f"Read the outputs of stack {stack.path}"
    audit.record_alone(backend, caller, stack.org_id, Event.STACK_OUTPUTS_READ, description=description)
    return StackOutputs(text or b"{}", envelope)
