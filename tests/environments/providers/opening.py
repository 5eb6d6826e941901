"""Opens providers against stand-ins: calls to public hosts are led to servers on loopback."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from common.backend import Backend
from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context
from common.environments.language.projection import to_plain
from common.environments.language.values.json_text import decode_json
from common.environments.providers.base import Access
from common.environments.providers.table import Providers
from common.environments.providers.values import from_json
from common.oidc_issuer import keys
from common.oidc_issuer.model import Issuer
from common.ports.outbound import Outbound, Reply
from common.rights.caller import Caller
from common.sign_in.oidc import id_token
from tests.peers.http_peer import Peer, PeerReply, PeerRequest

# A text that stands for every secret of a definition.
SECRET = "hunter2-hunter2-hunter2"
AWS_LOGIN = {"accessKeyId": "testing", "secretAccessKey": SECRET}
CONTEXT = Context(
    {"pulumi": EscValue({"user": EscValue({"login": EscValue("admin")}), "token": EscValue({"team": EscValue("ops")})})},
    "shop/dev",
    "shop/logins",
)


class RoutedOutbound(Outbound):
    """Leads the calls of hosts to servers on loopback, which it may call."""

    def __init__(self, routes: Mapping[str, str], seconds: float = 5.0) -> None:
        super().__init__("127.0.0.1", seconds=seconds)
        self.routes = dict(routes)

    def call(self, method: str, url: str, **options: Any) -> Reply:
        """Call the server that stands in for the host."""
        parts = urlsplit(url)
        target = self.routes.get(parts.netloc)
        if target is None:
            return super().call(method, url, **options)
        return super().call(method, f"{target}{url.partition(parts.netloc)[2]}", **options)


class StandIn(Peer):
    """Answers with functions by method and path, and anything else with one reply."""

    def __init__(
        self, served: Mapping[tuple[str, str], Callable[[PeerRequest], PeerReply]] | None = None, other: PeerReply | None = None
    ) -> None:
        super().__init__()
        self.served = dict(served or {})
        self.other = other

    def routes(self) -> dict[tuple[str, str], Callable[[PeerRequest], PeerReply]]:
        return self.served

    def answer(self, asked: PeerRequest) -> PeerReply:
        if self.other is not None:
            self.asked.append(asked)
            return self.other
        return super().answer(asked)


def routed(backend: Backend, routes: Mapping[str, str], seconds: float = 5.0) -> Backend:
    """Return a backend whose calls of hosts go to servers on loopback."""
    return replace(backend, outbound=RoutedOutbound(routes, seconds))


def opened(backend: Backend, caller: Caller, name: str, inputs: Mapping[str, Any], context: Context = CONTEXT) -> EscValue:
    """Return what a provider opens for inputs in JSON."""
    return opened_with(Access(backend, caller, "acme"), name, inputs, context)


def opened_with(access: Access, name: str, inputs: Mapping[str, Any], context: Context = CONTEXT) -> EscValue:
    """Return the same, in an evaluation that is under way."""
    values = from_json(decode_json(json.dumps(inputs))).value
    assert isinstance(values, dict)
    return Providers(access).load_provider(name).open(values, context)


def shown(value: EscValue) -> Any:
    """Return a value as JSON, with placeholders for its secrets."""
    return to_plain(value, is_redacted=True)


def revealed(value: EscValue) -> Any:
    """Return a value as JSON, with its secrets."""
    return to_plain(value, is_redacted=False)


def claims_of(backend: Backend, token: str, issuer: Issuer = Issuer.LOGIN) -> dict[str, Any]:
    """Return the claims of a token of ours, after a check of its signature and its times."""
    published = [key.public_key for key in keys.list_published(backend, issuer)]
    return id_token.verify(id_token.read(token, limit=8192), published, backend.clock.now())


def encoded(text: str) -> str:
    """Return base64."""
    return base64.b64encode(text.encode()).decode()
