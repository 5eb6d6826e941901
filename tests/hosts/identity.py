"""A stand-in for the endpoint that gives an Azure function the tokens of its managed identity."""

import base64
import json
import time
from urllib.parse import parse_qs, urlsplit

from tests.hosts.loopback import Loopback, Reply, Request

_SECRET = "identity-header"


class ManagedIdentity(Loopback):
    """Gives unsigned tokens for any resource; `issued` lists the resources asked for."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.issued: list[str] = []

    @property
    def environment(self) -> dict[str, str]:
        """What App Service sets for a function app that has an identity."""
        return {"IDENTITY_ENDPOINT": f"{self.url}/msi/token", "IDENTITY_HEADER": _SECRET}

    def _answer(self, request: Request) -> Reply:
        query = parse_qs(urlsplit(request.path).query)
        if request.headers.get("x-identity-header") != _SECRET or query.get("api-version") != ["2019-08-01"]:
            return Reply(401, b"{}")
        resource = query["resource"][0]
        self.issued.append(resource)
        until = int(time.time()) + 3600
        said = {"access_token": token(resource, until), "expires_on": str(until), "resource": resource, "token_type": "Bearer"}
        return Reply(200, json.dumps(said).encode(), {"Content-Type": "application/json"})


def token(resource: str, until: int) -> str:
    """A token that says whom it is for, unsigned."""
    tenant = "00000000-0000-0000-0000-000000000001"
    claims = {"aud": resource, "iss": f"https://sts.windows.net/{tenant}/", "exp": until, "nbf": 0, "iat": 0, "tid": tenant}
    claims["oid"] = "00000000-0000-0000-0000-000000000002"
    return f"{_encoded({'alg': 'none', 'typ': 'JWT'})}.{_encoded(claims)}."


def audience(authorization: str) -> str | None:
    """Whom the bearer token of a header is for."""
    scheme, _, text = authorization.partition(" ")
    if scheme != "Bearer" or text.count(".") != 2:
        return None
    claims = text.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["aud"])


def _encoded(part: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
