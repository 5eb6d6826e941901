from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import ECKey

from common.backend import Backend
from common.ports.outbound import Outbound
from common.rights.caller import Caller
from common.sign_in.external.providers import provider_cache
from common.sign_in.oidc.keys import FRESH_FOR
from tests.clocks import FrozenClock
from tests.peers.http_peer import PeerReply
from tests.peers.openid import HOUR_SECONDS, OpenID, rsa_key
from tests.sign_in.browser import Browser, installed, people
from tests.sign_in.external.providers.oidc_fixtures import browser, peer, refused, site

HERE = "http://127.0.0.1:8080/signin/oidc/callback"
__all__ = ["browser", "peer", "site"]


class TestSuccess:
    def test_makes_a_user_and_signs_in(self, browser: Browser, site: Backend) -> None:
        """Whom the operator's own provider lets in for the first time is a new user, with their verified address."""
        response = browser.sign_in("oidc", "/settings")

        assert (303, "/settings") == (response.status_code, response.headers["Location"])
        assert "alice" == browser.login
        assert {"alice": "alice@example.com"} == people(site)

    def test_says_by_how_much_clocks_differ(
        self, browser: Browser, peer: OpenID, clock: FrozenClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A provider with a clock that is five minutes fast is refused with that, on the page and in the log."""
        peer.claims = {"iat": int(clock.now().timestamp()) + 300}
        page = browser.sign_in("oidc")

        assert 401 == page.status_code
        assert "300 seconds ahead of this server" in page.text
        assert "300 seconds ahead of this server" in caplog.text

    def test_asks_the_provider_once_for_many_who_come_at_once(self, site: Backend, peer: OpenID) -> None:
        """Sixteen threads of a new process make one call for the provider's metadata, and none is refused."""
        together = Barrier(16)

        def begin(_: int) -> str:
            together.wait(10)
            return provider_cache.get_metadata(site, "the provider").issuer

        with ThreadPoolExecutor(16) as pool:
            assert 1 == len(set(pool.map(begin, range(16))))
        assert 1 == sum(one.path == "/.well-known/openid-configuration" for one in peer.asked)

    def test_asks_for_no_more_than_it_needs(self, browser: Browser) -> None:
        """The browser is sent to the provider with state, nonce and a challenge, all fresh each time, and our address."""
        first, second = (parse_qs(urlsplit(browser.begin("oidc")).query) for _ in range(2))

        assert ([HERE], ["openid email profile"], ["S256"]) == (
            first["redirect_uri"],
            first["scope"],
            first["code_challenge_method"],
        )
        assert all(first[name] != second[name] and len(first[name][0]) >= 43 for name in ("state", "nonce", "code_challenge"))

    def test_knows_somebody_again(self, browser: Browser, site: Backend, peer: OpenID) -> None:
        """The subject decides: with another name and address it is still the same user, who keeps their address."""
        browser.sign_in("oidc")
        peer.person |= {"preferred_username": "al", "email": "al@example.org"}
        browser.sign_in("oidc")

        assert ("alice", {"alice": "alice@example.com"}) == (browser.login, people(site))

    @pytest.mark.parametrize("methods", [None, ["client_secret_basic", "client_secret_post"], ["client_secret_post"]])
    def test_proves_itself_as_the_provider_wants(self, browser: Browser, peer: OpenID, methods: list[str] | None) -> None:
        """The client's secret goes into the header, or into the form where the provider takes that alone."""
        peer.methods = methods
        browser.sign_in("oidc")
        [asked] = [one for one in peer.asked if one.path == "/token"]

        assert "alice" == browser.login
        assert (methods == ["client_secret_post"]) is ("client_secret" in asked.form)

    def test_needs_no_secret(self, backend: Backend, admin: Caller, peer: OpenID) -> None:
        """A public client has PKCE alone."""
        peer.client_secret = ""
        settings = {name: value for name, value in peer.settings().items() if value}
        browser = Browser(installed(backend, **settings))
        browser.sign_in("oidc")

        assert "alice" == browser.login

    def test_takes_elliptic_curves(self, browser: Browser, peer: OpenID) -> None:
        """A signature by any of the usual private keys is good."""
        key = ECKey.generate_key("P-256", {"kid": "curve"})
        peer.key, peer.published, peer.header = key, [key.as_dict(private=False)], {"alg": "ES256", "kid": "curve"}
        browser.sign_in("oidc")

        assert "alice" == browser.login

    def test_takes_several_audiences_made_for_us(self, browser: Browser, peer: OpenID) -> None:
        """A token for several programs is good if it says that it was made for this one."""
        peer.claims = {"aud": ["other", "stackhold"], "azp": "stackhold"}
        browser.sign_in("oidc")

        assert "alice" == browser.login


class TestIdentityToken:
    @pytest.mark.parametrize(
        "claims",
        [
            {"aud": "other"},
            {"aud": ["other"]},
            {"aud": None},
            {"aud": []},
            {"aud": 7},
            {"aud": ["other", "stackhold"]},
            {"aud": ["other", "stackhold"], "azp": "other"},
            {"azp": "other"},
            {"iss": "https://evil.example.com"},
            {"iss": None},
            {"iss": 1},
            {"nonce": "n-0S6"},
            {"nonce": None},
            {"nonce": ""},
            {"sub": None},
            {"sub": ""},
            {"sub": 7.5},
            {"sub": "ä"},
            {"sub": "x" * 256},
            {"exp": None},
            {"exp": "soon"},
            {"iat": None},
        ],
        ids=str,
    )
    def test_with_claims_that_are_not_good_is_refused(self, browser: Browser, peer: OpenID, claims: dict[str, Any]) -> None:
        """Issuer, audience, nonce and subject must all be there and be right."""
        peer.claims = claims

        refused(browser, 401, "is not valid")

    @pytest.mark.parametrize(
        ("claim", "seconds", "is_good"),
        [
            ("exp", -59, True),
            ("exp", -60, False),
            ("exp", -HOUR_SECONDS, False),
            ("nbf", 60, True),
            ("nbf", 61, False),
            ("iat", 60, True),
            ("iat", 61, False),
            ("iat", HOUR_SECONDS, False),
        ],
    )
    def test_may_be_a_minute_off(  # noqa: PLR0917 - a table of cases
        self,
        browser: Browser,
        peer: OpenID,
        clock: FrozenClock,
        claim: str,
        seconds: int,
        is_good: bool,
    ) -> None:
        """Clocks that differ by up to a minute do no harm; beyond that a token is expired, or not yet valid."""
        peer.claims = {claim: int(clock.now().timestamp()) + seconds}
        response = browser.sign_in("oidc")

        assert (303 if is_good else 401) == response.status_code
        assert ("alice" if is_good else None) == browser.login

    @pytest.mark.parametrize("header", [{"alg": "none"}, {"alg": "HS256", "kid": "first"}, {"alg": "HS256"}], ids=str)
    def test_without_a_private_key_is_refused(self, browser: Browser, peer: OpenID, header: dict[str, str]) -> None:
        """Neither no signature nor one with the published key as a shared secret counts."""
        peer.published = [rsa_key("first").as_dict(private=False) | {"alg": None}]
        peer.header = header

        refused(browser, 401)

    def test_with_a_wrong_signature_is_refused(self, browser: Browser, peer: OpenID) -> None:
        """The signature must be by the key that the token names."""
        peer.key = rsa_key("foreign")

        refused(browser, 401)

    @pytest.mark.parametrize("token", [None, "", "a.b.c", "x", 5])
    def test_that_is_none_is_refused(self, browser: Browser, peer: OpenID, token: object) -> None:
        """A provider that sends another thing, or nothing, signs no user in."""
        peer.replies["POST", "/token"] = PeerReply({"access_token": "t", "token_type": "Bearer", "id_token": token})

        refused(browser, 401)


class TestKeys:
    def test_are_fetched_once(self, browser: Browser, peer: OpenID) -> None:
        """Addresses and keys are kept from one sign-in to the next."""
        for _ in range(3):
            browser.sign_in("oidc")

        assert (1, 1) == (peer.times("/keys"), peer.times("/.well-known/openid-configuration"))

    def test_are_fetched_again_after_a_while(self, browser: Browser, peer: OpenID, clock: FrozenClock) -> None:
        """A key that was withdrawn is good for an hour at most."""
        browser.sign_in("oidc")
        peer.published = [rsa_key("second").as_dict(private=False)]
        clock.pass_seconds(FRESH_FOR.total_seconds())
        response = browser.sign_in("oidc")

        assert (401, 2) == (response.status_code, peer.times("/keys"))

    def test_may_rotate(self, browser: Browser, peer: OpenID, clock: FrozenClock) -> None:
        """A token that is signed by a key unknown so far is good once the key is published: it is looked up at once."""
        browser.sign_in("oidc")
        clock.pass_seconds(60)
        peer.rotate("second")
        response = browser.sign_in("oidc")

        assert (303, 2) == (response.status_code, peer.times("/keys"))

    def test_without_ids_may_rotate(self, browser: Browser, peer: OpenID, clock: FrozenClock) -> None:
        """A single key needs no id; another one in its place is looked up when signatures stop being good."""
        for name in ("first", "second"):
            peer.key, peer.header = rsa_key(name), {"alg": "RS256"}
            peer.published = [{key: value for key, value in rsa_key(name).as_dict(private=False).items() if key != "kid"}]
            clock.pass_seconds(60)

            assert 303 == browser.sign_in("oidc").status_code

    def test_are_not_fetched_at_will(self, browser: Browser, peer: OpenID, clock: FrozenClock) -> None:
        """Tokens with unknown keys make us call the provider once a minute, not more."""
        browser.sign_in("oidc")
        clock.pass_seconds(60)
        peer.header = {"alg": "RS256", "kid": "unknown"}

        assert [401] * 4 == [browser.sign_in("oidc").status_code for _ in range(4)]
        assert 2 == peer.times("/keys")

    def test_that_cannot_be_read_are_passed_over(self, browser: Browser, peer: OpenID) -> None:
        """Keys of unknown kinds, for encryption, or broken ones do not hide the one that fits."""
        others: list[Any] = [
            {"kty": "AKP", "kid": "first"},
            {"kty": "RSA", "kid": "first"},
            7,
            {"kty": "RSA", "use": "enc", "kid": "first"},
        ]
        peer.published = [*others, *peer.published]
        browser.sign_in("oidc")

        assert "alice" == browser.login

    @pytest.mark.parametrize("body", [{"keys": []}, {"keys": 5}, [], {}, b"<html>"], ids=str)
    def test_that_are_none_sign_nobody_in(self, browser: Browser, peer: OpenID, body: object) -> None:
        """Without a key nothing is believed."""
        peer.replies["GET", "/keys"] = PeerReply(body)
        response = browser.sign_in("oidc")

        assert response.status_code in {401, 503}
        assert browser.login is None


class TestDiscovery:
    def test_must_be_of_the_issuer(self, browser: Browser, peer: OpenID) -> None:
        """A provider that names another issuer than the setting is not used."""
        peer.issuer = "https://evil.example.com"
        response = browser.client.get("/signin/oidc")

        assert 503 == response.status_code
        assert "STACKHOLD_OIDC_ISSUER" in response.text

    def test_may_differ_in_a_slash(self, browser: Browser, peer: OpenID) -> None:
        """Some providers' names end in a slash, which is easily forgotten; tokens must spell it as the provider does."""
        peer.issuer += "/"
        browser.sign_in("oidc")

        assert "alice" == browser.login

    @pytest.mark.parametrize(
        "address", [None, "", 5, "javascript:alert(1)", "ftp://x", "//x", "http://", "http://[", "https://x\n.y"]
    )
    @pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
    def test_must_name_addresses(self, browser: Browser, peer: OpenID, name: str, address: object) -> None:
        """An address that is not valid ends the sign-in before it starts."""
        usual = peer.configuration().body
        peer.replies["GET", "/.well-known/openid-configuration"] = PeerReply({**usual, name: address})

        assert 503 == browser.client.get("/signin/oidc").status_code

    @pytest.mark.parametrize(
        ("names", "answers_as", "status"),
        [
            (False, None, 303),
            (True, None, 401),
            (True, "own", 303),
            (False, "own", 303),
            (False, "https://evil.example.com", 401),
            (True, "https://evil.example.com", 401),
        ],
    )
    def test_says_whether_answers_name_the_issuer(
        self,
        browser: Browser,
        peer: OpenID,
        names: bool,
        answers_as: str | None,
        status: int,
    ) -> None:
        """An answer that names another issuer is refused, and one that names none where the provider says that it does."""
        peer.names_issuer, peer.answers_as = names, peer.url if answers_as == "own" else answers_as

        assert status == browser.sign_in("oidc").status_code


class TestTrouble:
    @pytest.mark.parametrize("path", ["/token", "/keys", "/userinfo"])
    @pytest.mark.parametrize(
        "said",
        [
            PeerReply({}, 500),
            PeerReply(b"not json"),
            PeerReply([]),
            PeerReply(b'{"a":' * 100_000),
            PeerReply(b"x" * (2 << 20)),
            PeerReply({"access_token": "t", "id_token": "x"}, 302, {"Location": "http://127.0.0.1:9/"}),
        ],
        ids=["error", "text", "list", "deep", "huge", "redirect"],
    )
    def test_signs_nobody_in(self, browser: Browser, peer: OpenID, path: str, said: PeerReply) -> None:
        """An answer that is not valid signs no user in and breaks nothing."""
        peer.person.pop("email")
        peer.replies["POST" if path == "/token" else "GET", path] = said
        response = browser.sign_in("oidc")

        assert response.status_code in {401, 503}
        assert browser.login is None
        assert {} == people(browser.backend)

    @pytest.mark.parametrize("token", [None, "", 5, [], "ä"])
    def test_of_a_token_that_is_none(self, browser: Browser, peer: OpenID, token: object) -> None:
        """An answer without an access token is not valid."""
        peer.replies["POST", "/token"] = PeerReply({"access_token": token, "expires_in": [1]})

        assert 503 == browser.sign_in("oidc").status_code

    def test_at_a_provider_that_is_down(self, site: Backend, peer: OpenID) -> None:
        """Without the provider there is a page that says so, whether it was there at the beginning or not."""
        first, second = Browser(site), Browser(site)
        back = first.consent(first.begin("oidc"))
        peer.stop()

        assert 503 == first.come_back(back).status_code
        assert 503 == Browser(replace(site, outbound=Outbound("127.0.0.1"))).client.get("/signin/oidc").status_code
        assert second.login is None

    def test_at_a_provider_that_is_slow(self, site: Backend, peer: OpenID) -> None:
        """The wait for an answer has a limit."""
        browser = Browser(replace(site, outbound=Outbound("127.0.0.1", seconds=1)))
        back = browser.consent(browser.begin("oidc"))
        peer.replies["POST", "/token"] = PeerReply({}, drip_seconds=3)

        assert 503 == browser.come_back(back).status_code

    def test_with_a_private_address(self, backend: Backend, admin: Caller, peer: OpenID) -> None:
        """A provider on a private address is not called unless the operator lists it."""
        browser = Browser(installed(backend, Outbound(""), **peer.settings()))

        assert 503 == browser.client.get("/signin/oidc").status_code
        assert [] == peer.asked
