"""Identity tokens: what is read, and what is verified."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64encode

from common.sign_in.oidc import id_token
from common.sign_in.oidc.id_token import BadSignature, InvalidToken, UnknownKey, WrongTime
from tests.peers.openid import rsa_key

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
LIMIT = 16 * 1_024
_REQUIRED = {"essential": True}
CLAIMS = {"iss": "https://id.example.com", "sub": "alice", "aud": "stackhold", "exp": SECONDS + 60}


def signed(claims: dict[str, Any] | None = None, *, key: str = "first", **header: Any) -> str:
    """Return a token that a key signed, with more members in its header."""
    registry = JWSRegistry(algorithms=id_token.ALGORITHMS, strict_check_header=False)
    registry.max_header_length = LIMIT
    return jwt.encode({"alg": "RS256", **header}, claims or CLAIMS, rsa_key(key), registry=registry)


def spelled(payload: str, **header: Any) -> str:
    """Return a text in the form of a token with this payload and no valid signature."""
    parts = (json.dumps({"alg": "RS256", **header}), payload, "signature")
    return ".".join(urlsafe_b64encode(part.encode()).decode() for part in parts)


def published(*names: str, **members: Any) -> list[dict[str, Any]]:
    """Return public keys as an issuer publishes them."""
    return [{**rsa_key(name).as_dict(private=False), **members} for name in names]


class TestRead:
    def test_returns_issuer_and_key(self) -> None:
        """A token names its issuer, its key and its algorithm before anything is verified."""
        token = id_token.read(signed(kid="first"), limit=LIMIT)

        assert ("https://id.example.com", "first", "RS256") == (token.issuer, token.kid, token.algorithm)

    @pytest.mark.parametrize(
        "token",
        [
            "",
            "a.b",
            "a.b.c.d",
            "é.é.é",
            spelled("[]"),
            spelled("null"),
            spelled("{"),
            spelled('{"iss": "x", "exp": NaN}'),
            spelled('{"iss": "x", "exp": -Infinity}'),
            spelled('{"iss": "x", "n": ' + "9" * 5_000 + "}"),
            spelled('{"iss": ' + "[" * 5_000),
            spelled('{"iss": "x", "deep": ' + "[" * 17 + "]" * 17 + "}"),
            spelled("{}"),
            spelled('{"iss": 1}'),
            spelled('{"iss": "x"}', kid=1),
            spelled('{"iss": "x"}', alg=None),
            spelled('{"iss": "x"}', padding="x" * 5_000),
            "WyJhbGciXQ.eyJpc3MiOiJ4In0.eA",  # ["alg"] as its header
        ],
        ids=range(18),
    )
    def test_refuses_what_is_not_a_token(self, token: str) -> None:
        """A text without three parts, a header and claims as JSON objects, an issuer and an algorithm is not a token."""
        with pytest.raises(InvalidToken) as error:
            id_token.read(token, limit=LIMIT)

        assert not token or token not in str(error.value)

    @pytest.mark.parametrize("algorithm", ["none", "NONE", "HS256", "RS1", ""])
    def test_refuses_other_algorithms(self, algorithm: str) -> None:
        """Only signatures with a private key are accepted, so neither `none` nor a shared secret."""
        with pytest.raises(InvalidToken, match="is needed"):
            id_token.read(spelled('{"iss": "x"}', alg=algorithm), limit=LIMIT)

    def test_refuses_a_long_token(self) -> None:
        """A token over the limit is refused before it is read."""
        with pytest.raises(InvalidToken, match="longer than 100 characters"):
            id_token.read("x" * 101, limit=100)

    def test_uses_the_last_of_two_members(self) -> None:
        """A member that is there twice counts once, with its last value, for the issuer and for the claims alike."""
        token = id_token.read(spelled('{"iss": "first", "iss": "last"}'), limit=LIMIT)

        assert ("last", "last") == (token.issuer, token.claims["iss"])


class TestVerify:
    @staticmethod
    def verify(token: str, keys: list[dict[str, Any]], **required: Any) -> dict[str, Any]:
        """Return the claims of a token."""
        return id_token.verify(id_token.read(token, limit=LIMIT), keys, NOW, **required)

    def test_returns_the_claims(self) -> None:
        """A token with a valid signature and the required claims has the claims that were signed."""
        assert CLAIMS == self.verify(signed(kid="first"), published("second", "first"), aud={**_REQUIRED, "value": "stackhold"})

    @pytest.mark.parametrize("key", ["first", "second"])
    def test_without_a_key_id_needs_one_key(self, key: str) -> None:
        """Without a `kid` there must be exactly one key that fits the algorithm."""
        assert CLAIMS == self.verify(signed(key=key), published(key))
        with pytest.raises(InvalidToken, match="which of its issuer's keys"):
            self.verify(signed(key=key), published("first", "second"))

    def test_names_an_unknown_key(self) -> None:
        """A `kid` that is not published is an unknown key, which a rotation may explain."""
        with pytest.raises(UnknownKey):
            self.verify(signed(kid="third"), published("first", "second"))

    def test_uses_the_algorithm_of_the_key(self) -> None:
        """A key for one algorithm does not verify another one."""
        with pytest.raises(UnknownKey):
            self.verify(signed(kid="first"), published("first", alg="PS256"))

    def test_refuses_a_bad_signature(self) -> None:
        """A signature by another key is bad; without a `kid` the key may have been replaced."""
        with pytest.raises(BadSignature):
            self.verify(signed(key="second", kid="first"), published("first"))
        with pytest.raises(UnknownKey):
            self.verify(signed(key="second"), published("first"))

    def test_refuses_changed_claims(self) -> None:
        """The claims that are verified are the ones that are returned."""
        header, _, signature = signed(kid="first").split(".")
        other = signed({**CLAIMS, "sub": "bob"}, kid="first").split(".")[1]
        with pytest.raises(BadSignature):
            self.verify(f"{header}.{other}.{signature}", published("first"))

    def test_refuses_a_secret_key(self) -> None:
        """A published shared secret is not a key for RS256."""
        secret = OctKey.generate_key(256, {"kid": "first"}).as_dict(private=True)
        with pytest.raises(InvalidToken):
            self.verify(signed(kid="first"), [secret])

    def test_refuses_an_unknown_critical_header(self) -> None:
        """A header that must be understood is refused, other unknown ones are ignored."""
        assert CLAIMS == self.verify(signed(kid="first", extra="x"), published("first"))
        with pytest.raises(InvalidToken):
            self.verify(spelled(json.dumps(CLAIMS), kid="first", crit=["extra"], extra="x"), published("first"))

    @pytest.mark.parametrize(
        ("claim", "seconds", "is_valid"),
        [("exp", -59, True), ("exp", -60, False), ("iat", 60, True), ("iat", 61, False), ("nbf", 60, True), ("nbf", 61, False)],
    )
    def test_allows_a_minute_between_clocks(self, claim: str, seconds: int, is_valid: bool) -> None:
        """Clocks may differ by a minute; a token beyond that is refused, with the difference."""
        token = signed({**CLAIMS, claim: SECONDS + seconds}, kid="first")
        if is_valid:
            assert self.verify(token, published("first"))
        else:
            with pytest.raises(WrongTime, match=f"{abs(seconds)} seconds a"):
                self.verify(token, published("first"))

    @pytest.mark.parametrize("claims", [{"sub": None}, {"aud": "other"}, {"exp": "soon"}, {"exp": 1e400}, {"nbf": [1]}], ids=str)
    def test_requires_claims(self, claims: dict[str, Any]) -> None:
        """A required claim must be there and have its value, and times must be numbers."""
        changed = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None}
        with pytest.raises(InvalidToken):
            self.verify(signed(changed, kid="first"), published("first"), sub=_REQUIRED, aud={**_REQUIRED, "value": "stackhold"})
