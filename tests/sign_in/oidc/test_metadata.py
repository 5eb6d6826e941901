"""The metadata of issuers."""

import pytest

from common.sign_in.oidc.metadata import InvalidMetadata, WrongIssuer, metadata_url, read_metadata

ISSUER = "https://id.example.com"
DOCUMENT = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"}


@pytest.mark.parametrize("issuer", [ISSUER, f"{ISSUER}/"])
def test_metadata_url_has_one_slash(issuer: str) -> None:
    """The address is the same with and without a slash at the end of the issuer."""
    assert f"{ISSUER}/.well-known/openid-configuration" == metadata_url(issuer)


class TestReadMetadata:
    def test_returns_what_is_published(self) -> None:
        """Endpoints that an issuer does not publish are empty, and the issuer is spelled as it spells itself."""
        metadata = read_metadata({**DOCUMENT, "issuer": f"{ISSUER}/", "token_endpoint": 5}, ISSUER)

        assert (f"{ISSUER}/", f"{ISSUER}/keys", "", ()) == (
            metadata.issuer,
            metadata.jwks_uri,
            metadata.token_endpoint,
            metadata.auth_methods,
        )

    @pytest.mark.parametrize("document", [None, [], {}, {"issuer": ISSUER}, {**DOCUMENT, "jwks_uri": []}], ids=str)
    def test_needs_issuer_and_keys(self, document: object) -> None:
        """A document without the issuer and the address of its keys is not metadata."""
        with pytest.raises(InvalidMetadata, match="no issuer and jwks_uri"):
            read_metadata(document, ISSUER)

    def test_must_be_of_the_issuer(self) -> None:
        """Metadata that names another issuer is refused (OpenID Connect Discovery 1.0, 4.3)."""
        with pytest.raises(WrongIssuer, match=r"'https://evil\.example\.com'"):
            read_metadata({**DOCUMENT, "issuer": "https://evil.example.com"}, ISSUER)
