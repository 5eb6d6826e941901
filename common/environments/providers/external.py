"""`fn::open::external`: what a service of the organization's own answers (esc.md 3.4)."""

import base64
import hashlib
from typing import Any

from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.schemas.schema import ANY_OBJECT, BOOLEAN, AnySchema, Schema
from common.environments.language.values.plain import to_json
from common.environments.providers import calls, identity
from common.environments.providers.base import Access
from common.environments.providers.calls import Request, host_of
from common.environments.providers.schemas import members
from common.environments.providers.values import from_json, plain, record
from common.oidc_issuer.model import Issuer

URL = Schema("string", pattern="^https://")
INPUTS = members({"url": URL}, {"request": ANY_OBJECT, "secret": BOOLEAN})
OUTPUTS = members({"response": ANY_OBJECT})
_TOKEN_SECONDS = 300


class External:
    """Sends the request of a definition, with a token that proves who sends it and what."""

    def __init__(self, access: Access) -> None:
        """Ask for one caller."""
        self._access = access

    def schema(self) -> tuple[AnySchema, AnySchema]:
        """Return the schemas of inputs and outputs."""
        return INPUTS, OUTPUTS

    def open(self, inputs: dict[str, EscValue], context: Context) -> EscValue:
        """Return the response; raises WorldError."""
        settings = plain(inputs)
        response = from_json(send(self._access, context, settings["url"], settings.get("request") or {}))
        return record(response=EscValue(response.value, secret=settings.get("secret") is not False))


def send(access: Access, context: Context, url: str, body: object, limit_bytes: int = calls.LIMIT_BYTES) -> dict[str, Any]:
    """Return the object that the service answers a signed body with; raises WorldError."""
    content = to_json(body).encode()
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    claims = identity.login_claims(access, context, url)
    claims |= {"env": claims["root_env"], "body_hash": f"sha256-{digest}"}
    token = access.sign(Issuer.LOGIN, claims, _TOKEN_SECONDS)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    answer = calls.fetch(access, Request("POST", url, headers, content=content, limit_bytes=limit_bytes))
    if not isinstance(answer, dict):
        raise WorldError(f"{host_of(url)} does not answer with a JSON object")
    return answer
