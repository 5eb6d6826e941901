"""`fn::open::gcp-login`: an access token of Google Cloud, for an identity token or another access token."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from common.core.durations import find_seconds
from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.schemas.schema import NUMBER, STRING, AnySchema
from common.environments.providers import calls, identity
from common.environments.providers.base import Access
from common.environments.providers.calls import Request
from common.environments.providers.schemas import DURATION, SUBJECT_ATTRIBUTES, members
from common.environments.providers.values import plain, record, require_text, secret, text_at

_ACCESS_TOKEN = members({"accessToken": STRING}, {"serviceAccount": STRING, "tokenLifetime": DURATION})
_OIDC = members(
    {"workloadPoolId": STRING, "providerId": STRING, "serviceAccount": STRING},
    {"region": STRING, "tokenLifetime": DURATION, "subjectAttributes": SUBJECT_ATTRIBUTES},
)
INPUTS = members({"project": NUMBER}, {"accessToken": _ACCESS_TOKEN, "oidc": _OIDC})
OUTPUTS = members({"accessToken": STRING, "project": NUMBER, "tokenType": STRING}, {"expiry": STRING})
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_STS, _IAM = "sts.googleapis.com", "iamcredentials.googleapis.com"
_PART = re.compile(r"[A-Za-z0-9-]{1,100}")
_TYPE = "Bearer"


class GcpLogin:
    """Returns an access token of Google Cloud."""

    def __init__(self, access: Access) -> None:
        """Log in for one caller."""
        self._access = access

    def schema(self) -> tuple[AnySchema, AnySchema]:
        """Return the schemas of inputs and outputs."""
        return INPUTS, OUTPUTS

    def open(self, inputs: dict[str, EscValue], context: Context) -> EscValue:
        """Return the access token; raises WorldError."""
        settings = plain(inputs)
        if ("oidc" in settings) is ("accessToken" in settings):
            raise WorldError("gcp-login needs either oidc or accessToken")
        if "oidc" in settings:
            options = settings["oidc"]
            token = self._exchange(settings["project"], options, context)
        else:
            options = settings["accessToken"]
            token = options["accessToken"]
        expiry = None
        if options.get("serviceAccount"):
            token, expiry = self._impersonate(token, options["serviceAccount"], _seconds(options.get("tokenLifetime") or "1h"))
        return record(project=settings["project"], accessToken=secret(token), tokenType=_TYPE, expiry=expiry)

    def _exchange(self, project: str, oidc: Mapping[str, Any], context: Context) -> str:
        region, pool, provider = oidc.get("region") or "global", oidc["workloadPoolId"], oidc["providerId"]
        if not all(_PART.fullmatch(part) for part in (project, region, pool, provider)):
            raise WorldError("project, region, workloadPoolId and providerId must be names without slashes")
        audience = f"//iam.googleapis.com/projects/{project}/locations/{region}/workloadIdentityPools/{pool}/providers/{provider}"
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "audience": audience,
            "scope": _SCOPE,
            "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "subject_token": identity.login_token(self._access, context, "gcp", oidc.get("subjectAttributes") or ()),
        }
        answer = calls.fetch(self._access, Request("POST", f"https://{_STS}/v1/token", form=form, shows_code=True))
        return require_text(answer, _STS, "access_token")

    def _impersonate(self, token: str, account: str, seconds: int) -> tuple[str, str]:
        url = f"https://{_IAM}/v1/projects/-/serviceAccounts/{quote(account, safe='@')}:generateAccessToken"
        body = {"scope": [_SCOPE], "lifetime": f"{seconds}s"}
        headers = {"Authorization": f"Bearer {token}"}
        answer = calls.fetch(self._access, Request("POST", url, headers, json=body, shows_code=True))
        return require_text(answer, _IAM, "accessToken"), text_at(answer, "expireTime")


def _seconds(text: str) -> int:
    seconds = find_seconds(text)
    if not seconds:
        raise WorldError("tokenLifetime must be a duration such as 1h")
    return seconds
