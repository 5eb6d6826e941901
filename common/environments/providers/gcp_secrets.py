"""`fn::open::gcp-secrets`: secrets of Google Cloud Secret Manager."""

import base64
import binascii
from urllib.parse import quote

from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.schemas.schema import NUMBER, STRING, AnySchema
from common.environments.providers import calls
from common.environments.providers.base import Access
from common.environments.providers.calls import Request
from common.environments.providers.schemas import SECRETS, map_of, members
from common.environments.providers.values import plain, require_text, secrets

_ACCESS = members({"name": STRING}, {"version": NUMBER}, title="GCPSecretsAccess")
_LOGIN = members({"accessToken": STRING, "project": NUMBER, "tokenType": STRING}, title="GCPSecretsLogin")
INPUTS = members({"access": map_of(_ACCESS), "login": _LOGIN})


class GcpSecrets:
    """Reads versions of secrets one by one."""

    def __init__(self, access: Access) -> None:
        """Read for one caller."""
        self._access = access

    def schema(self) -> tuple[AnySchema, AnySchema]:
        """Return the schemas of inputs and outputs."""
        return INPUTS, SECRETS

    def open(self, inputs: dict[str, EscValue], context: Context) -> EscValue:  # noqa: ARG002 - of the protocol
        """Return the secrets by the names of the definition; raises WorldError."""
        settings = plain(inputs)
        login = settings["login"]
        headers = {"Authorization": f"{login['tokenType']} {login['accessToken']}"}
        values = {}
        for name, wanted in settings["access"].items():
            version = wanted.get("version") or "latest"
            path = f"projects/{quote(login['project'])}/secrets/{quote(wanted['name'], safe='')}/versions/{quote(version)}"
            request = Request("GET", f"https://secretmanager.googleapis.com/v1/{path}:access", headers, shows_code=True)
            try:
                data = require_text(calls.fetch(self._access, request), "Secret Manager", "payload", "data")
                values[name] = base64.b64decode(data, validate=True).decode()
            except WorldError as error:
                raise WorldError(f"{name}: {error}") from None
            except (binascii.Error, UnicodeDecodeError):
                raise WorldError(f"{name}: the secret is binary, not text") from None
        return secrets(values)
