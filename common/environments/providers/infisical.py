"""`fn::open::infisical-login` and `fn::open::infisical-secrets`: a token of Infisical, and the secrets that it keeps."""

from urllib.parse import quote, urlencode

from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.schemas.schema import STRING, AnySchema
from common.environments.providers import calls, identity
from common.environments.providers.base import Access
from common.environments.providers.calls import Request, host_of, require_origin
from common.environments.providers.schemas import SECRETS, SUBJECT_ATTRIBUTES, map_of, members, options
from common.environments.providers.values import plain, record, require_text, secret, secrets

_OIDC = members({"identityId": STRING}, {"subjectAttributes": SUBJECT_ATTRIBUTES})
_STATIC = members({"clientId": STRING, "clientSecret": STRING})
LOGIN_INPUTS = options({"siteUrl": STRING, "oidc": _OIDC, "static": _STATIC})
LOGIN = members({"accessToken": STRING}, {"siteUrl": STRING}, title="InfisicalSecretsLogin")
_GET = members(
    {"projectId": STRING, "environment": STRING, "secretKey": STRING},
    {"secretPath": STRING, "type": STRING},
    title="InfisicalSecretsGet",
)
SECRETS_INPUTS = members({"get": map_of(_GET), "login": LOGIN})
_SITE = "https://app.infisical.com"


class InfisicalLogin:
    """Returns an access token for an identity token, or for a client's secret."""

    def __init__(self, access: Access) -> None:
        """Log in for one caller."""
        self._access = access

    def schema(self) -> tuple[AnySchema, AnySchema]:
        """Return the schemas of inputs and outputs."""
        return LOGIN_INPUTS, LOGIN

    def open(self, inputs: dict[str, EscValue], context: Context) -> EscValue:
        """Return the access token; raises WorldError."""
        settings = plain(inputs)
        if ("oidc" in settings) is ("static" in settings):
            raise WorldError("infisical-login needs either oidc or static")
        origin = require_origin(settings.get("siteUrl") or _SITE, "siteUrl")
        if "oidc" in settings:
            oidc = settings["oidc"]
            token = identity.login_token(self._access, context, "infisical", oidc.get("subjectAttributes") or ())
            kind, body = "oidc-auth", {"identityId": oidc["identityId"], "jwt": token}
        else:
            static = settings["static"]
            kind, body = "universal-auth", {"clientId": static["clientId"], "clientSecret": static["clientSecret"]}
        answer = calls.fetch(self._access, Request("POST", f"{origin}/api/v1/auth/{kind}/login", json=body))
        return record(accessToken=secret(require_text(answer, host_of(origin), "accessToken")), siteUrl=settings.get("siteUrl"))


class InfisicalSecrets:
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
        login = settings["login"]
        origin = require_origin(login.get("siteUrl") or _SITE, "siteUrl")
        headers = {"Authorization": f"Bearer {login['accessToken']}"}
        values = {}
        for name, wanted in settings["get"].items():
            query = {"workspaceId": wanted["projectId"], "environment": wanted["environment"]}
            query |= {key: wanted[key] for key in ("secretPath", "type") if wanted.get(key)}
            url = f"{origin}/api/v3/secrets/raw/{quote(wanted['secretKey'], safe='')}?{urlencode(query)}"
            try:
                answer = calls.fetch(self._access, Request("GET", url, headers))
                values[name] = require_text(answer, host_of(origin), "secret", "secretValue")
            except WorldError as error:
                raise WorldError(f"{name}: {error}") from None
        return secrets(values)
