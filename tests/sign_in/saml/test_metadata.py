"""What is read from a provider's metadata, and what is found wrong with it."""

from datetime import UTC, datetime

import pytest

from common.sign_in.saml import metadata
from common.sign_in.saml.model import Descriptor
from tests.peers import saml_idp
from tests.peers.saml_idp import ENTITY, TRANSIENT, Pair, make_pair

NOW = datetime(2026, 1, 2, tzinfo=UTC)
GOOD = saml_idp.metadata(make_pair("provider"))


def parse(text: str) -> Descriptor:
    """Read metadata where plain HTTP is refused."""
    return metadata.parse(text, NOW, refusal_of=lambda url: "plain" if url.startswith("http:") else "")


class TestParse:
    def test_of_good_metadata(self) -> None:
        """All parts are found, and nothing is wrong."""
        found = parse(GOOD)

        assert ("", ENTITY, (make_pair("provider").inner,)) == (found.problem, found.entity_id, found.certificates)
        assert found.is_usable

    def test_of_several_certificates(self) -> None:
        """Every certificate for signing counts, none for encrypting."""
        one, other = make_pair("provider"), make_pair("following")
        text = saml_idp.metadata(one, other, make_pair("somebody else"))
        place = text.rindex('use="signing"')

        found = parse(text[:place] + 'use="encryption"' + text[place + len('use="signing"') :])

        assert (one.inner, other.inner) == found.certificates

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "no identity provider is set up"),
            ("not XML", "not well-formed XML"),
            ("<a>" * 100, "not well-formed XML"),
            (f"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/hostname'>]>{GOOD}", "document type or entities"),
            (f"<!DOCTYPE x SYSTEM 'http://127.0.0.1:1/x.dtd'>{GOOD}", "document type or entities"),
            ("<a/>", "exactly one identity provider"),
            (
                f"<md:EntitiesDescriptor xmlns:md='urn:oasis:names:tc:SAML:2.0:metadata'>{GOOD}{GOOD}</md:EntitiesDescriptor>",
                "exactly one identity provider",
            ),
            (saml_idp.metadata(), "no signing certificate"),
            (saml_idp.metadata(make_pair("provider"), entity=""), "the entityID must have"),
            (saml_idp.metadata(make_pair("provider"), sso="http://idp.example.com/sso"), "may not be used: plain"),
            (saml_idp.metadata(make_pair("provider"), sso="javascript:alert(1)"), "is not a valid address"),
            (saml_idp.metadata(make_pair("provider"), sso="https://idp.example.com/a b"), "is not a valid address"),
            (saml_idp.metadata(make_pair("provider"), sso=f"https://idp.example.com/{'a' * 2100}"), "is longer than"),
            (GOOD.replace("HTTP-Redirect", "HTTP-POST"), "binding HTTP-Redirect"),
            (saml_idp.metadata(make_pair("provider"), valid_until="2026-01-01T00:00:00Z"), "it expired at 2026-01-01T00:00:00Z"),
            (saml_idp.metadata(make_pair("provider"), valid_until="soon"), "validUntil is not a time"),
            (saml_idp.metadata(make_pair("provider"), name_format=TRANSIENT), "the only NameIDFormat is transient"),
            (saml_idp.metadata(make_pair("weak", 1024)), "RSA key of 1024 bits"),
            (GOOD.replace(make_pair("provider").inner, "AAAA"), "a certificate cannot be read"),
            (GOOD.replace(make_pair("provider").inner, "%%"), "a certificate cannot be read"),
            (saml_idp.metadata(*(Pair(f"-\nAAA{n}\n-", "") for n in range(11))), "more than 10 certificates"),
            (GOOD + " " * 300_000, "is longer than 262,144"),
            ("<a>\x00</a>", "XML"),
        ],
    )
    def test_says_what_is_wrong(self, text: str, words: str) -> None:
        """What cannot be used is not raised but told, in words for anyone who set it up."""
        found = parse(text)

        assert words in found.problem
        assert not found.is_usable

    def test_of_the_earliest_end(self) -> None:
        """The part that ends first decides."""
        text = saml_idp.metadata(
            make_pair("provider"), valid_until="2030-01-01T00:00:00Z", more='validUntil="2028-01-01T00:00:00Z"'
        )

        assert "2028-01-01T00:00:00Z" == parse(text).valid_until
