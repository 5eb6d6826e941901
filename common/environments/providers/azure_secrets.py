"""`fn::open::azure-secrets`: secrets of Azure Key Vault."""

import re
from urllib.parse import quote

from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.schemas.schema import STRING, AnySchema
from common.environments.providers import azure_calls, calls
from common.environments.providers.base import Access
from common.environments.providers.calls import Request
from common.environments.providers.schemas import AZURE_LOGIN, SECRETS, map_of, members
from common.environments.providers.values import plain, require_text, secrets

_GET = members({"name": STRING}, {"version": STRING}, title="AzureSecretsGet")
INPUTS = members({"get": map_of(_GET), "login": AZURE_LOGIN, "vault": STRING})
_VAULT = re.compile(r"[A-Za-z0-9-]{1,127}")
_SCOPE, _VERSION = "https://vault.azure.net/.default", "7.4"


class AzureSecrets:
    """Reads secrets of a vault one by one."""

    def __init__(self, access: Access) -> None:
        """Read for one caller."""
        self._access = access

    def schema(self) -> tuple[AnySchema, AnySchema]:
        """Return the schemas of inputs and outputs."""
        return INPUTS, SECRETS

    def open(self, inputs: dict[str, EscValue], context: Context) -> EscValue:  # noqa: ARG002 - of the protocol
        """Return the secrets by the names of the definition; raises WorldError."""
        settings = plain(inputs)
        if not _VAULT.fullmatch(settings["vault"]):
            raise WorldError("vault must be the name of a key vault, such as acme-secrets")
        token = azure_calls.access_token(self._access, settings["login"], _SCOPE)
        values = {}
        for name, wanted in settings["get"].items():
            path = "/".join(quote(part, safe="") for part in (wanted["name"], wanted.get("version") or ""))
            url = f"https://{settings['vault']}.vault.azure.net/secrets/{path}?api-version={_VERSION}"
            request = Request("GET", url, {"Authorization": f"Bearer {token}"}, shows_code=True)
            try:
                values[name] = require_text(calls.fetch(self._access, request), "the vault", "value")
            except WorldError as error:
                raise WorldError(f"{name}: {error}") from None
        return secrets(values)
