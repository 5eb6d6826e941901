"""The provider external proves to an adapter who sends what (esc.md 3.4)."""

import base64
import hashlib
import json

from common.backend import Backend
from common.rights.caller import Caller
from tests.environments.providers.opening import SECRET, StandIn, claims_of, opened, revealed, routed, shown
from tests.peers.http_peer import PeerReply, PeerRequest

URL = "https://adapter.example.com/secrets"


class TestExternal:
    def test_signs_what_it_sends(self, backend: Backend, admin: Caller) -> None:
        """The adapter can check sender, audience and body."""
        seen: list[PeerRequest] = []

        def answer(asked: PeerRequest) -> PeerReply:
            seen.append(asked)
            return PeerReply({"password": SECRET})

        with StandIn({("POST", "/secrets"): answer}) as adapter:
            inputs = {"url": URL, "request": {"key": [1.50, "<b>"]}}
            found = opened(routed(backend, {"adapter.example.com": adapter.url}), admin, "external", inputs)

        claims = claims_of(backend, seen[0].headers["Authorization"].removeprefix("Bearer "))
        digest = base64.b64encode(hashlib.sha256(seen[0].body).digest()).decode()
        assert json.loads(seen[0].body) == {"key": [1.5, "<b>"]}
        assert (claims["aud"], claims["body_hash"]) == (URL, f"sha256-{digest}")
        assert (claims["org"], claims["env"], claims["current_env"]) == ("acme", "shop/dev", "shop/logins")
        assert (shown(found), revealed(found)) == ({"response": "[secret]"}, {"response": {"password": SECRET}})

    def test_returns_what_is_no_secret(self, backend: Backend, admin: Caller) -> None:
        """A definition may say that the response is not secret, and need not send anything."""
        with StandIn({("POST", "/secrets"): lambda asked: PeerReply({"sent": asked.body.decode()})}) as adapter:
            backend = routed(backend, {"adapter.example.com": adapter.url})
            found = opened(backend, admin, "external", {"url": URL, "secret": False})

        assert shown(found) == {"response": {"sent": "{}"}}
