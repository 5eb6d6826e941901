"""`fn::open::1password-secrets`, which is listed so that checks know its schema: its protocol is not published."""

from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.schemas.schema import STRING, AnySchema, Schema
from common.environments.providers.base import Access
from common.environments.providers.schemas import SECRETS, map_of, members

_GET = members({"ref": Schema("string", pattern="op://.+")}, title="1PasswordSecretsGet")
_LOGIN = members({"serviceAccountToken": STRING}, title="1PasswordSecretsLogin")
INPUTS = members({"get": map_of(_GET), "login": _LOGIN})


class OnePasswordSecrets:
    """Cannot be opened: the service is for the SDK of its vendor alone."""

    def __init__(self, _access: Access) -> None:
        """Need nothing."""

    def schema(self) -> tuple[AnySchema, AnySchema]:
        """Return the schemas of inputs and outputs."""
        return INPUTS, SECRETS

    def open(self, inputs: dict[str, EscValue], context: Context) -> EscValue:  # noqa: ARG002 - of the protocol
        """Raise WorldError."""
        raise WorldError("1password-secrets is not available on this server; use fn::open::external with an adapter of your own")
