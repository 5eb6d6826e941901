"""The service provider's own certificate and key."""

from pathlib import Path

import pytest

from common.config import saml_certificate as keys
from common.config.plan import make_plan
from common.config.settings import Settings
from common.core.errors import StartUpError, Unavailable
from tests.peers.saml_idp import make_pair

NAMES = (keys.CERTIFICATE.name, keys.PRIVATE_KEY.name)


def settings(certificate: str = "", key: str = "") -> Settings:
    """Return settings with a pair."""
    return Settings(dict(zip(NAMES, (certificate, key), strict=True)))


class TestLoad:
    def test_text_or_path(self, tmp_path: Path) -> None:
        """A pair is given as PEM text, as text in one line, or as paths; none at all is an empty pair."""
        own = make_pair("service")
        (tmp_path / "a.pem").write_text(own.certificate)
        (tmp_path / "b.pem").write_text(own.key)
        given = (
            settings(own.certificate, own.key),
            settings(own.certificate.replace("\n", "\\n"), own.key.replace("\n", "\\n")),
            settings(str(tmp_path / "a.pem"), str(tmp_path / "b.pem")),
        )

        assert {keys.KeyPair(own.certificate, own.key)} == {keys.load(one) for one in given}
        assert not keys.load(settings())

    @pytest.mark.parametrize(
        ("certificate", "key", "words"),
        [
            (make_pair("service").certificate, "", "is set without SAML_CERTIFICATE_PRIVATE_KEY"),
            ("", make_pair("service").key, "is set without SAML_CERTIFICATE_PUBLIC_KEY"),
            (make_pair("service").certificate, make_pair("provider").key, "is not the RSA key of"),
            ("/nowhere/a.pem", make_pair("service").key, "or the path of a PEM file"),
            (make_pair("service").key, make_pair("service").key, "must be a certificate and its RSA key"),
            (
                make_pair("service").certificate,
                "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
                "must be a certificate",
            ),
        ],
    )
    def test_says_what_is_wrong(self, certificate: str, key: str, words: str) -> None:
        """A pair that is not good stops a start, or makes a request wait for the operator; no key is repeated."""
        with pytest.raises(StartUpError, match=words) as refusal:
            keys.load_at_start(settings(certificate, key))
        with pytest.raises(Unavailable, match="certificate settings are not valid"):
            keys.load(settings(certificate, key))

        assert "BEGIN" not in str(refusal.value)
        assert "BEGIN" not in repr(keys.KeyPair("", key))

    def test_is_checked_at_the_start(self) -> None:
        """Half a pair stops every start, not the first sign-in."""
        with pytest.raises(StartUpError, match="is set without"):
            make_plan(settings(make_pair("service").certificate))
