"""`fn::open::doppler-login` and `fn::open::doppler-secrets`: a token of Doppler, and secrets of one of its configurations."""

from urllib.parse import urlencode

from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.schemas.schema import STRING, AnySchema, Schema
from common.environments.providers import calls, identity
from common.environments.providers.base import Access
from common.environments.providers.calls import Request
from common.environments.providers.schemas import SECRETS, SUBJECT_ATTRIBUTES, map_of, members
from common.environments.providers.values import plain, record, require_text, secret, secrets

_UUID = Schema("string", pattern="^[a-fA-F0-9]{8}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{12}$")
LOGIN_INPUTS = members({"oidc": members({"identityId": _UUID}, {"subjectAttributes": SUBJECT_ATTRIBUTES})})
LOGIN = members({"accessToken": STRING}, title="DopplerSecretsLogin")
_GET = members({"name": STRING}, title="DopplerSecretsGet")
SECRETS_INPUTS = members({"config": STRING, "get": map_of(_GET), "login": LOGIN, "project": STRING})
_HOST = "api.doppler.com"


class DopplerLogin:
    """Returns an access token for an identity token."""

    def __init__(self, access: Access) -> None:
        """Log in for one caller."""
        self._access = access

    def schema(self) -> tuple[AnySchema, AnySchema]:
        """Return the schemas of inputs and outputs."""
        return LOGIN_INPUTS, LOGIN

    def open(self, inputs: dict[str, EscValue], context: Context) -> EscValue:
        """Return the access token; raises WorldError."""
        oidc = plain(inputs)["oidc"]
        token = identity.login_token(self._access, context, "doppler", oidc.get("subjectAttributes") or ())
        body = {"identity": oidc["identityId"], "token": token}
        answer = calls.fetch(self._access, Request("POST", f"https://{_HOST}/v3/auth/oidc", json=body))
        return record(accessToken=secret(require_text(answer, _HOST, "token")))


class DopplerSecrets:
    """Reads secrets one by one."""

    def __init__(self, access: Access) -> None:
        """Read for one caller."""
        self._access = access

    def schema(self) -> tuple[AnySchema, AnySchema]:
        """Return the schemas of inputs and outputs."""
        return SECRETS_INPUTS, SECRETS

    def open(self, inputs: dict[str, EscValue], context: Context) -> EscValue:  # noqa: ARG002 - of the protocol
        """Return the secrets by the names of the definition; raises WorldError."""
        settings = plain(inputs)
        headers = {"Authorization": f"Bearer {settings['login']['accessToken']}"}
        values = {}
        for name, wanted in settings["get"].items():
            query = urlencode({"project": settings["project"], "config": settings["config"], "name": wanted["name"]})
            request = Request("GET", f"https://{_HOST}/v3/configs/config/secret?{query}", headers)
            try:
                values[name] = require_text(calls.fetch(self._access, request), _HOST, "value", "computed")
            except WorldError as error:
                raise WorldError(f"{name}: {error}") from None
        return secrets(values)
