"""`fn::open::gh-login`: an access token for the repositories that a GitHub App is installed on."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from common.core.clock import unix_seconds
from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.schemas.schema import NUMBER, STRING, STRINGS, AnySchema, Schema
from common.environments.language.syntax.number import Number
from common.environments.providers import calls
from common.environments.providers.base import Access
from common.environments.providers.calls import Request, host_of, require_host
from common.environments.providers.schemas import members, options
from common.environments.providers.values import plain, record, require_text, secret

# The permissions of a GitHub App.
_PERMISSIONS = """
    actions administration blocking checks content_references contents deployments emails environments followers issues
    members metadata organization_administration organization_hooks organization_plan organization_pre_receive_hooks
    organization_projects organization_secrets organization_self_hosted_runners organization_user_blocking packages pages
    pull_requests repository_hooks repository_pre_receive_hooks repository_projects secret_scanning_alerts secrets
    security_events single_file statuses team_discussions vulnerability_alerts workflows
""".split()  # noqa: SIM905 - a list would take a line for each
INPUTS = members(
    {"appId": NUMBER, "privateKey": STRING, "owner": STRING},
    {
        "repositories": STRINGS,
        "permissions": options(dict.fromkeys(_PERMISSIONS, STRING)),
        "ghe": members({"host": STRING}),
    },
)
_TYPE = "installation"
OUTPUTS = members(
    {
        "appId": NUMBER,
        "appSlug": STRING,
        "installationId": NUMBER,
        "accessToken": STRING,
        "expiry": STRING,
        "type": Schema("string", enum=(_TYPE,)),
    }
)
_API, _NOT_FOUND, _CREATED = "https://api.github.com", 404, 201
# GitHub takes tokens of an app for ten minutes at most, and none from the future.
_TOKEN_SECONDS, _SKEW_SECONDS = 540, 60


class GitHubLogin:
    """Returns an access token of an installation."""

    def __init__(self, access: Access) -> None:
        """Log in for one caller."""
        self._access = access

    def schema(self) -> tuple[AnySchema, AnySchema]:
        """Return the schemas of inputs and outputs."""
        return INPUTS, OUTPUTS

    def open(self, inputs: dict[str, EscValue], context: Context) -> EscValue:  # noqa: ARG002 - of the protocol
        """Return the access token; raises WorldError."""
        settings = plain(inputs)
        server = settings.get("ghe")
        api = f"https://{require_host(server['host'], 'ghe.host')}/api/v3" if server else _API
        headers = {
            "Authorization": f"Bearer {self._app_token(settings)}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        slug = require_text(calls.fetch(self._access, Request("GET", f"{api}/app", headers)), host_of(api), "slug")
        installation = self._installation(api, headers, settings["owner"])
        body = {name: settings[name] for name in ("repositories", "permissions") if settings.get(name)}
        url = f"{api}/app/installations/{installation}/access_tokens"
        answer = calls.fetch(self._access, Request("POST", url, headers, json=body), also=(_CREATED,))
        return record(
            appId=settings["appId"],
            appSlug=slug,
            installationId=installation,
            accessToken=secret(require_text(answer, host_of(api), "token")),
            expiry=require_text(answer, host_of(api), "expires_at"),
            type=_TYPE,
        )

    def _installation(self, api: str, headers: Mapping[str, str], owner: str) -> Number:
        """Return the id of the app's installation for an organization or a user."""
        for kind in ("orgs", "users"):
            reply = calls.send(
                self._access, Request("GET", f"{api}/{kind}/{quote(owner, safe='')}/installation", headers), also=(_NOT_FOUND,)
            )
            if reply.status != _NOT_FOUND:
                answer = calls.decode(reply.body, host_of(api))
                number = answer.get("id") if isinstance(answer, dict) else None
                if not isinstance(number, Number) or not number.isdigit():
                    raise WorldError(f"{host_of(api)} does not answer with the id of the installation")
                return number
        raise WorldError(f"the GitHub App is not installed for {owner[:100]!a}")

    def _app_token(self, settings: Mapping[str, Any]) -> str:
        from joserfc import jwt  # noqa: PLC0415 - loading it takes longer than most requests
        from joserfc.errors import JoseError  # noqa: PLC0415 - as above
        from joserfc.jwk import RSAKey  # noqa: PLC0415 - as above

        now = unix_seconds(self._access.backend.clock.now())
        claims = {"iat": now - _SKEW_SECONDS, "exp": now + _TOKEN_SECONDS, "iss": str(settings["appId"])}
        try:
            return jwt.encode({"alg": "RS256"}, claims, RSAKey.import_key(settings["privateKey"]))
        except (JoseError, ValueError, TypeError):
            raise WorldError("privateKey must be an RSA private key in the PEM format") from None
