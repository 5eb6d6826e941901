"""What the issuers publish, and that a client of OpenID Connect accepts their tokens."""

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.config.public_urls import api_url
from common.oidc_issuer import tokens
from common.oidc_issuer.model import Issuer
from common.sign_in.oidc import id_token
from common.sign_in.oidc.keys import read_keys
from common.sign_in.oidc.metadata import read_metadata

ISSUERS = [Issuer.LOGIN, Issuer.AUDIENCE]


class TestIssuers:
    @pytest.mark.parametrize("issuer", ISSUERS)
    def test_publish_what_a_client_needs(self, client: TestClient, backend: Backend, issuer: Issuer) -> None:
        """A client finds the keys by the metadata, and they verify a token of this issuer."""
        url = f"{api_url(backend.settings)}{issuer.value}"
        metadata = read_metadata(client.get(f"{issuer.value}/.well-known/openid-configuration").json(), url)
        keys = read_keys(client.get(metadata.jwks_uri.removeprefix(api_url(backend.settings))).json())
        token = tokens.sign(backend, issuer, {"sub": "alice", "aud": "aws:acme"}, 60)

        claims = id_token.verify(id_token.read(token, limit=4096), keys, backend.clock.now(), iss={"value": url})
        assert (claims["sub"], claims["aud"], claims["exp"] - claims["iat"]) == ("alice", "aws:acme", 60)

    @pytest.mark.parametrize("issuer", ISSUERS)
    def test_publish_no_private_key(self, client: TestClient, issuer: Issuer) -> None:
        """A published key has the members of a public key alone, and may be cached."""
        reply = client.get(f"{issuer.value}/.well-known/jwks", headers={"Authorization": ""})

        assert reply.headers["Cache-Control"] == "public, max-age=300"
        assert [set(key) for key in reply.json()["keys"]] == [{"kty", "use", "alg", "kid", "n", "e"}]

    def test_do_not_sign_for_each_other(self, client: TestClient, backend: Backend) -> None:
        """The key of one issuer does not verify a token of the other."""
        keys = read_keys(client.get("/oidc/.well-known/jwks").json())
        token = tokens.sign(backend, Issuer.AUDIENCE, {"sub": "alice"}, 60)

        with pytest.raises(id_token.UnknownKey):
            id_token.verify(id_token.read(token, limit=4096), keys, backend.clock.now())
