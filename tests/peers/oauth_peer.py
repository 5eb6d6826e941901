"""The part of a provider that GitHub, GitLab and OpenID Connect share: it consents at once, and gives a token for a code, once."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from urllib.parse import unquote, urlencode

from tests.peers.http_peer import Peer, PeerReply, PeerRequest


@dataclass(frozen=True)
class Grant:
    """A person's consent."""

    client_id: str
    redirect_uri: str
    challenge: str
    nonce: str
    scope: str


class OAuthPeer(Peer):
    """Checks whatever a client proves: its secret, the redirect address, PKCE, that a code is used once."""

    client_id, client_secret = "stackhold", "peer-secret-1"

    def __init__(self) -> None:
        super().__init__()
        self._codes: dict[str, Grant] = {}
        self._tokens: dict[str, Grant] = {}
        self.refuses = ""

    def settings(self) -> dict[str, str]:
        """The settings of an installation that knows it."""
        raise NotImplementedError

    def authorize(self, asked: PeerRequest) -> PeerReply:
        """Send the browser back with a code, or with an error."""
        query = asked.query
        assert query["client_id"] == self.client_id
        assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
        back = {"state": query["state"], **self.extra()}
        if self.refuses:
            back |= {"error": self.refuses, "error_description": "<script>alert(1)</script>"}
        else:
            back["code"] = secrets.token_hex(10)
            self._codes[back["code"]] = Grant(
                query["client_id"], query["redirect_uri"], query["code_challenge"], query.get("nonce", ""), query["scope"]
            )
        return PeerReply(b"", 302, {"Location": f"{query['redirect_uri']}?{urlencode(back)}"})

    def extra(self) -> dict[str, str]:
        """What else it sends a browser back with."""
        return {}

    def redeem(self, asked: PeerRequest) -> Grant | None:
        """Return what a code stands for, once; None for a client that proves nothing."""
        grant = self._codes.pop(asked.form.get("code", ""), None)
        if grant is None or not self._is_client(asked) or asked.form.get("redirect_uri") != grant.redirect_uri:
            return None
        digest = hashlib.sha256(asked.form.get("code_verifier", "").encode()).digest()
        is_proven = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == grant.challenge
        return grant if is_proven and asked.form.get("grant_type") == "authorization_code" else None

    def issue(self, grant: Grant) -> str:
        """Return an access token."""
        token = secrets.token_hex(16)
        self._tokens[token] = grant
        return token

    def grant_of(self, asked: PeerRequest) -> Grant | None:
        """Return what a request's token stands for."""
        return self._tokens.get(asked.headers.get("Authorization", "").removeprefix("Bearer "))

    def _is_client(self, asked: PeerRequest) -> bool:
        header = asked.headers.get("Authorization", "")
        if header.startswith("Basic "):
            name, _, secret = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
            return (unquote(name), unquote(secret)) == (self.client_id, self.client_secret)
        return (asked.form.get("client_id"), asked.form.get("client_secret", "")) == (self.client_id, self.client_secret)
