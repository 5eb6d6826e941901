"""An OpenID Connect provider with a knob for everything that can be wrong with one."""

import hmac
import json
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from joserfc.util import urlsafe_b64encode

from tests.peers.http_peer import PeerReply, PeerRequest
from tests.peers.oauth_peer import Grant, OAuthPeer

AnyKey = RSAKey | ECKey
HOUR_SECONDS = 3600


@cache
def rsa_key(name: str) -> RSAKey:
    """A key pair of that name; making one takes a tenth of a second."""
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig", "alg": "RS256"})


class OpenID(OAuthPeer):
    """One person is signed in to it. Set an attribute to have it misbehave."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now
        self.issuer = self.url
        self.key: AnyKey = rsa_key("first")
        self.published: list[dict[str, Any]] = [rsa_key("first").as_dict(private=False)]
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "first"}
        # What stands in the identity token besides, or instead; None takes a claim out.
        self.claims: dict[str, Any] = {}
        self.person: dict[str, Any] = {
            "sub": "a1",
            "preferred_username": "alice",
            "name": "Alice Archer",
            "email": "alice@example.com",
            "email_verified": True,
        }
        self.userinfo: dict[str, Any] = {}
        self.methods: list[str] | None = None
        self.names_issuer = False
        self.answers_as: str | None = None

    def settings(self) -> dict[str, str]:
        """The settings of an installation that knows it."""
        return {
            "STACKHOLD_OIDC_ISSUER": self.url,
            "STACKHOLD_OIDC_CLIENT_ID": self.client_id,
            "STACKHOLD_OIDC_CLIENT_SECRET": self.client_secret,
            "STACKHOLD_OIDC_NAME": "Example ID",
        }

    def rotate(self, name: str) -> None:
        """Signs with another key from now on, and publishes that one alone."""
        self.key, self.header = rsa_key(name), {"alg": "RS256", "kid": name}
        self.published = [rsa_key(name).as_dict(private=False)]

    def routes(self) -> dict[tuple[str, str], Callable[[PeerRequest], PeerReply]]:
        return {
            ("GET", "/.well-known/openid-configuration"): lambda _asked: self.configuration(),
            ("GET", "/authorize"): self.authorize,
            ("POST", "/token"): self._token,
            ("GET", "/keys"): lambda _asked: PeerReply({"keys": self.published}),
            ("GET", "/userinfo"): self._userinfo,
        }

    def extra(self) -> dict[str, str]:
        return {"iss": self.answers_as} if self.answers_as is not None else {}

    def identity_token(self, grant: Grant) -> str:
        """An identity token as the knobs have it."""
        now = int(self._now().timestamp())
        usual = {
            "iss": self.issuer,
            "aud": self.client_id,
            "iat": now,
            "exp": now + HOUR_SECONDS,
            "nonce": grant.nonce,
            **self.person,
        }
        claims = {name: value for name, value in {**usual, **self.claims}.items() if value is not None}
        if self.header["alg"] == "none":
            return f"{_signed_part(self.header, claims)}."
        if self.header["alg"] == "HS256":
            return _signed_with_what_is_public(self.header, claims)
        return jwt.encode(self.header, claims, self.key, algorithms=[self.header["alg"]])

    def configuration(self) -> PeerReply:
        """What it publishes of itself."""
        more = {} if self.methods is None else {"token_endpoint_auth_methods_supported": self.methods}
        return PeerReply(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "authorization_response_iss_parameter_supported": self.names_issuer,
                **more,
            }
        )

    def _token(self, asked: PeerRequest) -> PeerReply:
        grant = self.redeem(asked)
        if grant is None:
            return PeerReply({"error": "invalid_grant"}, 400)
        return PeerReply({"access_token": self.issue(grant), "token_type": "Bearer", "id_token": self.identity_token(grant)})

    def _userinfo(self, asked: PeerRequest) -> PeerReply:
        return PeerReply({"sub": self.person["sub"], **self.userinfo}) if self.grant_of(asked) else PeerReply({}, 401)


def _signed_part(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return ".".join(urlsafe_b64encode(json.dumps(part).encode()).decode() for part in (header, claims))


def _signed_with_what_is_public(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """A token with the published key as its shared secret; libraries refuse to make one."""
    part = _signed_part(header, claims)
    digest = hmac.new(rsa_key("first").as_pem(private=False), part.encode(), "sha256").digest()
    return f"{part}.{urlsafe_b64encode(digest).decode()}"
