"""What rotators share: their state, which has the newest secret and the one before it."""

from decimal import Decimal, InvalidOperation
from typing import Any

from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.schemas.schema import AnySchema, Schema
from common.environments.providers.base import Access

_NOT_ROTATED = "the secret has not been rotated yet; rotate it with `pulumi env rotate`"
_EXPONENT_LIMIT = 18
State = dict[str, EscValue] | None


class TwoSecrets:
    """A rotator whose state has a current secret and the previous one, and whose output is its state.

    The previous secret works until the next rotation, so that programs which hold it go on.
    """

    INPUTS: Schema
    SECRET: AnySchema
    # Whether a state must have a secret.
    NEEDS_CURRENT = True

    def __init__(self, access: Access) -> None:
        """Rotate for one caller."""
        self.access = access

    def schema(self) -> tuple[AnySchema, AnySchema, AnySchema]:
        """Return the schemas of inputs, state and outputs."""
        required = ("current",) if self.NEEDS_CURRENT else ()
        state = Schema("object", properties={"current": self.SECRET, "previous": self.SECRET}, required=required)
        return self.INPUTS, state, state

    def open(self, inputs: dict[str, EscValue], state: State, context: Context) -> EscValue:  # noqa: ARG002 - of the protocol
        """Return the state; raises WorldError before the first rotation."""
        if state is None or "current" not in state:
            raise WorldError(_NOT_ROTATED)
        return EscValue(dict(state))

    def rotate(self, inputs: dict[str, EscValue], state: State, context: Context) -> EscValue:
        """Return a state with a new secret, and with the current one as the previous one; raises WorldError."""
        new_secret = self.make_secret(inputs, state or {}, context)
        current = (state or {}).get("current")
        return EscValue({"current": new_secret, **({"previous": current} if current is not None else {})})

    def make_secret(self, inputs: dict[str, EscValue], state: dict[str, EscValue], context: Context) -> EscValue:
        """Make a new secret, so that the current one of the state goes on working; raises WorldError."""
        raise NotImplementedError


def whole_number(settings: dict[str, Any], name: str, default: int) -> int:
    """Return an input that is a whole number; raises WorldError for a fraction, and for a number of more than 19 digits."""
    try:
        number = Decimal(str(settings.get(name, default)))
        # A number of a few bytes, such as 1e100000000, may have so many digits that its conversion takes minutes.
        if number.is_finite() and number.adjusted() <= _EXPONENT_LIMIT and number == number.to_integral_value():
            return int(number)
    except InvalidOperation:
        pass
    raise WorldError(f"{name} must be a whole number")
