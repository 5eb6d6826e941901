import pytest

from common.access.exchange import refusal

EXCHANGE = b"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=SECRET"


class TestRefusal:
    @pytest.mark.parametrize(
        ("form", "kind"),
        [
            (EXCHANGE, "unsupported_grant_type"),
            (b"grant_type=refresh_token&refresh_token=SECRET", "unsupported_grant_type"),
            (b"grant_type=SECRET", "unsupported_grant_type"),
            (b"", "invalid_request"),
            (b"grant_type=", "invalid_request"),
            (b"grant_type=a&grant_type=b", "invalid_request"),
            (b"\xff\xfeSECRET", "invalid_request"),
            (b"&".join(b"a%d=SECRET" % number for number in range(60)), "invalid_request"),
            (b'{"grant_type": "SECRET"}', "invalid_request"),
        ],
    )
    def test_says_why_in_both_forms(self, form: bytes, kind: str) -> None:
        """Every grant is refused as RFC 6749 has it, with the wire's members beside, and nothing sent is repeated."""
        found = refusal(form)

        assert (kind, 400) == (found.error, found.code)
        assert found.message == f"Bad Request: {found.error_description}"
        assert "SECRET" not in repr(found)
