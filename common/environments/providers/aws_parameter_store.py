"""`fn::open::aws-parameter-store`: parameters of AWS Systems Manager."""

from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.schemas.schema import BOOLEAN, STRING, AnySchema
from common.environments.providers import aws_calls
from common.environments.providers.aws_signature import Scope
from common.environments.providers.base import Access
from common.environments.providers.schemas import AWS_LOGIN, SECRETS, map_of, members
from common.environments.providers.values import plain, require_text, secrets

_GET = members({"name": STRING}, {"decrypt": BOOLEAN}, title="AWSParameterStoreGet")
INPUTS = members({"get": map_of(_GET), "login": AWS_LOGIN, "region": STRING})


class AwsParameterStore:
    """Reads parameters one by one."""

    def __init__(self, access: Access) -> None:
        """Read for one caller."""
        self._access = access

    def schema(self) -> tuple[AnySchema, AnySchema]:
        """Return the schemas of inputs and outputs."""
        return INPUTS, SECRETS

    def open(self, inputs: dict[str, EscValue], context: Context) -> EscValue:  # noqa: ARG002 - of the protocol
        """Return the values by the names of the definition; raises WorldError."""
        settings = plain(inputs)
        credentials = aws_calls.credentials_of(settings["login"])
        scope = Scope("ssm", settings["region"])
        values = {}
        for name, wanted in settings["get"].items():
            arguments = {"Name": wanted["name"], "WithDecryption": bool(wanted.get("decrypt"))}
            try:
                answer = aws_calls.call_json(self._access, credentials, scope, "AmazonSSM.GetParameter", arguments)
            except WorldError as error:
                raise WorldError(f"{name}: {error}") from None
            values[name] = require_text(answer, "AWS", "Parameter", "Value")
        return secrets(values)
