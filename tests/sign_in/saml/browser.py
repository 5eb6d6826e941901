"""A browser that signs in through SAML: it follows where it is led and keeps its cookies, as the cases need it."""

import re
from typing import Any
from urllib.parse import urlsplit

from httpx2 import Client, Response
from starlette.testclient import TestClient

from common.backend import Backend
from functions.http.app import create_app
from tests.peers import saml_idp
from tests.peers.saml_idp import Answer, Pair, Request

BASE = "http://127.0.0.1:8080"
_KEY = re.compile(r'name="form_key" value="([0-9a-f]+)"')
_CODE = re.compile(r'name="code" value="([^"]+)"')


def acs(org: str = "acme") -> str:
    """Return where answers for an organization go."""
    return f"{BASE}/login/{org}/sso/saml/acs"


def us(org: str = "acme") -> str:
    """Return what an organization's provider knows this server by."""
    return f"{BASE}/login/{org}/sso/saml/metadata"


def good(**knobs: Any) -> Answer:
    """Return an answer that is good unless a knob says otherwise."""
    return Answer(**{"acs": acs(), "audience": us(), **knobs})


class Browser:
    """One browser; the provider that it talks to signs with `pair`."""

    def __init__(self, client: Client, bare: Client, pair: Pair, base: str = BASE) -> None:
        self.client, self.pair, self.base = client, pair, base
        # Another site's form arrives without the cookies that this server gave, since they are SameSite=Lax.
        self._bare = bare

    @classmethod
    def fresh(cls, backend: Backend, pair: Pair) -> "Browser":
        """Open a browser without cookies."""
        app = create_app(backend)
        one, other = (TestClient(app, follow_redirects=False, raise_server_exceptions=False) for _ in range(2))
        return cls(one, other, pair)

    def begin(self, org: str = "acme", *, query: str = "", reauth: bool = False) -> Request:
        """Goes to the provider."""
        led = self.client.get(f"/signin/sso/{org}{'/reauth' if reauth else ''}{query}")
        assert 303 == led.status_code, led.text
        return saml_idp.read(led.headers["Location"])

    def post(self, text: bytes | str, relay: str = "", org: str = "acme") -> Response:
        """Brings an answer, as a form of another site does: without cookies."""
        response = text if isinstance(text, str) else saml_idp.encode(text)
        self._bare.cookies.clear()
        found = self._bare.post(f"/login/{org}/sso/saml/acs", data={"SAMLResponse": response, "RelayState": relay})
        assert "stackhold" not in found.cookies, "an answer alone signs nobody in"
        return found

    def answer(self, answer: Answer, relay: str = "", org: str = "acme") -> Response:
        """Brings the provider's answer."""
        return self.post(saml_idp.respond(self.pair, answer), relay, org)

    def follow(self, led: Response) -> Response:
        """Goes where a reply leads, which must be a place on this server."""
        assert 303 == led.status_code, led.text
        target = urlsplit(led.headers["Location"])
        assert f"{target.scheme}://{target.netloc}" in (self.base, "://"), led.headers["Location"]
        return self.client.get(f"{target.path}?{target.query}" if target.query else target.path)

    def sign_in(self, *, query: str = "", reauth: bool = False, org: str = "acme", **knobs: Any) -> Response:
        """Signs in as the provider says, and returns the last reply."""
        asked = self.begin(org, query=query, reauth=reauth)
        arrived = self.answer(good(in_response_to=asked.id, **knobs), asked.state, org)
        return self.follow(arrived)

    def arrive(self, relay: str = "", **knobs: Any) -> Response:
        """Signs in as the provider says without having asked, and returns the page that asks."""
        return self.follow(self.answer(good(**knobs), relay))

    def choose(self, asked: Response, choice: str, org: str = "acme") -> Response:
        """Presses a button of the page that asks."""
        key, code = _KEY.search(asked.text.partition("<main")[2]), _CODE.search(asked.text)
        assert key is not None, asked.text
        assert code is not None, asked.text
        form = {"form_key": key[1], "code": code[1], "choice": choice}
        return self.client.post(f"/signin/sso/{org}/finish", data=form)

    @property
    def is_signed_in(self) -> bool:
        """Whether this browser has a session's cookie."""
        return "stackhold" in self.client.cookies
