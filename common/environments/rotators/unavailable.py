"""Rotators that this server does not have. They are listed, so that checks know their schemas."""

from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.schemas.schema import STRING, AnySchema, Schema
from common.environments.language.syntax.number import Number
from common.environments.providers.base import Access
from common.environments.providers.schemas import AWS_LOGIN, ONE, members
from common.environments.rotators.base import State, TwoSecrets

_LAMBDA = members({"awsLambda": members({"lambdaArn": STRING, "login": AWS_LOGIN})})
_DATABASE = Schema(
    "object",
    properties={
        "host": STRING,
        "port": Schema("number", minimum=ONE, maximum=Number("65535")),
        "database": STRING,
        "managingUser": members({"username": STRING, "password": STRING}),
        "connector": Schema("object", one_of=(_LAMBDA,)),
    },
    required=("host", "port", "database", "managingUser"),
    rotate_only=("managingUser",),
)
_USERS = members({"username1": STRING, "username2": STRING})
_TEXT = "is not available on this server; use fn::rotate::external with an adapter of your own"


class DatabaseUsers(TwoSecrets):
    """The users of a database: `fn::rotate::mysql` and `fn::rotate::postgres`."""

    INPUTS = members({"database": _DATABASE, "rotateUsers": _USERS})
    SECRET = members({"username": STRING, "password": STRING})
    NEEDS_CURRENT = False

    def make_secret(self, inputs: dict[str, EscValue], state: dict[str, EscValue], context: Context) -> EscValue:  # noqa: ARG002 - of the protocol
        """Raise WorldError."""
        raise WorldError(f"the rotation of database users {_TEXT}")


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
