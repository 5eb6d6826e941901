"""`fn::open::aws-secrets`: secrets of AWS Secrets Manager."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.schemas.schema import STRING, AnySchema
from common.environments.providers import aws_calls
from common.environments.providers.aws_signature import Scope
from common.environments.providers.base import Access
from common.environments.providers.schemas import AWS_LOGIN, SECRETS, map_of, members
from common.environments.providers.values import plain, require_text, secrets

_GET = members({"secretId": STRING}, {"versionId": STRING, "versionStage": STRING}, title="AWSSecretsGet")
INPUTS = members({"get": map_of(_GET), "login": AWS_LOGIN, "region": STRING})
_ARGUMENTS = {"secretId": "SecretId", "versionId": "VersionId", "versionStage": "VersionStage"}


class AwsSecrets:
    """Reads secrets one by one."""

    def __init__(self, access: Access) -> None:
        """Read for one caller."""
        self._access = access

    def schema(self) -> tuple[AnySchema, AnySchema]:
        """Return the schemas of inputs and outputs."""
        return INPUTS, SECRETS

    def open(self, inputs: dict[str, EscValue], context: Context) -> EscValue:  # noqa: ARG002 - of the protocol
        """Return the secrets by the names of the definition; raises WorldError."""
        settings = plain(inputs)
        return secrets({name: self._get(settings, name, wanted) for name, wanted in settings["get"].items()})

    def _get(self, settings: Mapping[str, Any], name: str, wanted: Mapping[str, str]) -> str:
        arguments = {_ARGUMENTS[key]: value for key, value in wanted.items() if key in _ARGUMENTS}
        credentials = aws_calls.credentials_of(settings["login"])
        scope = Scope("secretsmanager", settings["region"])
        try:
            answer = aws_calls.call_json(self._access, credentials, scope, "secretsmanager.GetSecretValue", arguments)
        except WorldError as error:
            raise WorldError(f"{name}: {error}") from None
        if isinstance(answer, dict) and isinstance(answer.get("SecretString"), str):
            return str(answer["SecretString"])
        try:
            return base64.b64decode(require_text(answer, "AWS", "SecretBinary"), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise WorldError(f"{name}: the secret is binary, not text") from None
