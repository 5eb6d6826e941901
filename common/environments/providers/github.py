"""`fn::open::gh-login`: an access token for the repositories that a GitHub App is installed on."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
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

if TYPE_CHECKING:
    from joserfc.jwk import RSAKey

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
_WRONG_KEY = "privateKey must be an RSA private key in the PEM format"
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
# The PEM text of a key of the longest length is shorter than this.
_KEY_TEXT_LIMIT, _KEY_BITS_LIMIT = 4096, 4096
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

        self._access.count_signature()
        key = _app_key(settings["privateKey"])
        now = unix_seconds(self._access.backend.clock.now())
        claims = {"iat": now - _SKEW_SECONDS, "exp": now + _TOKEN_SECONDS, "iss": str(settings["appId"])}
        try:
            return jwt.encode({"alg": "RS256"}, claims, key)
        except (JoseError, ValueError):
            raise WorldError(_WRONG_KEY) from None


def _app_key(text: str) -> "RSAKey":
    """Return an RSA private key; raises WorldError for anything else, and for one so long that its check blocks the process."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - loading it takes longer than most requests
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - as above
    from joserfc.jwk import RSAKey  # noqa: PLC0415 - as above

    pem = text.encode()
    if len(pem) > _KEY_TEXT_LIMIT:
        raise WorldError(f"privateKey has more than {_KEY_TEXT_LIMIT:,} bytes; an RSA key has at most {_KEY_BITS_LIMIT:,} bits")
    try:
        # The check of the numbers takes longer the longer they are, so their lengths are looked at before it.
        unchecked = load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
        if isinstance(unchecked, RSAPrivateKey):
            numbers = unchecked.private_numbers()
            lengths = [number.bit_length() for number in (numbers.public_numbers.n, numbers.p, numbers.q, numbers.d)]
            if max(lengths) > _KEY_BITS_LIMIT:
                raise WorldError(f"privateKey has more than {_KEY_BITS_LIMIT:,} bits")
            checked = load_pem_private_key(pem, None)
            assert isinstance(checked, RSAPrivateKey)  # noqa: S101 - it was one a moment ago
            return RSAKey(checked, checked)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        pass
    raise WorldError(_WRONG_KEY)
