"""`fn::rotate::external`: a secret that a service of the organization's own makes (esc.md 3.4)."""

from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.projection import to_plain
from common.environments.language.schemas.schema import ANY_OBJECT, AnySchema, Schema
from common.environments.providers import values
from common.environments.providers.base import Access
from common.environments.providers.external import URL, send
from common.environments.rotators.base import State

INPUTS = Schema("object", properties={"url": URL, "request": ANY_OBJECT}, required=("url",), rotate_only=("request",))
# The definition must have room for a state of this size before the service is asked for one (rotations.py).
_STATE_BYTES = 64 * 1024
STATE = Schema("object", properties={"current": ANY_OBJECT})


class ExternalRotator:
    """Asks the service for a new secret, and tells it the current one."""

    def __init__(self, access: Access) -> None:
        """Rotate for one caller."""
        self._access = access

    def schema(self) -> tuple[AnySchema, AnySchema, AnySchema]:
        """Return the schemas of inputs, state and outputs."""
        return INPUTS, STATE, STATE

    def open(self, inputs: dict[str, EscValue], state: State, context: Context) -> EscValue:  # noqa: ARG002 - of the protocol
        """Return the state; raises WorldError before the first rotation."""
        if state is None or "current" not in state:
            raise WorldError("the secret has not been rotated yet; rotate it with `pulumi env rotate`")
        return EscValue(dict(state))

    def rotate(self, inputs: dict[str, EscValue], state: State, context: Context) -> EscValue:
        """Return what the service answers as the new state; raises WorldError."""
        settings = values.plain(inputs)
        current = (state or {}).get("current")
        previous = to_plain(current, is_redacted=False) if current is not None else None
        body = {"request": settings.get("request") or {}, "state": previous}
        answer = values.from_json(send(self._access, context, settings["url"], body, _STATE_BYTES))
        return values.record(current=EscValue(answer.value, secret=True))
