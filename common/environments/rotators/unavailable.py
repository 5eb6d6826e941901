"""Rotators that this server does not have. They are listed, so that checks know their schemas."""

from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.schemas.schema import STRING, AnySchema, Schema
from common.environments.providers.base import Access
from common.environments.providers.schemas import members
from common.environments.rotators.base import State

_TEXT = "is not available on this server; use fn::rotate::external with an adapter of your own"


class SnowflakeUser:
    """The key pair of a user of Snowflake: `fn::rotate::snowflake-user`."""

    def __init__(self, _access: Access) -> None:
        """Need nothing."""

    def schema(self) -> tuple[AnySchema, AnySchema, AnySchema]:
        """Return the schemas of inputs, state and outputs."""
        login = Schema(
            "object",
            properties={"account": STRING, "user": STRING},
            required=("account", "user"),
            one_of=(members({"privateKey": STRING}), members({"token": STRING})),
        )
        inputs = Schema(
            "object", properties={"login": login, "targetUser": STRING}, required=("login", "targetUser"), rotate_only=("login",)
        )
        state = members({"account": STRING, "createdAt": STRING, "privateKey": STRING})
        outputs = members({"account": STRING, "user": STRING, "privateKey": STRING, "rotatedAt": STRING})
        return inputs, state, outputs

    def open(self, inputs: dict[str, EscValue], state: State, context: Context) -> EscValue:  # noqa: ARG002 - of the protocol
        """Raise WorldError."""
        raise WorldError(f"snowflake-user {_TEXT}")

    def rotate(self, inputs: dict[str, EscValue], state: State, context: Context) -> EscValue:  # noqa: ARG002 - of the protocol
        """Raise WorldError."""
        raise WorldError(f"snowflake-user {_TEXT}")
