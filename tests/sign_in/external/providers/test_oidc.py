from collections.abc import Iterator
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
from common.sign_in.external.providers import oidc_discovery
from tests.clocks import FrozenClock
from tests.factories.people import make_user
from tests.peers.http_peer import Said
from tests.peers.openid import HOUR_SECONDS, OpenID, rsa_key
from tests.sign_in.browser import Browser, installed, people

HERE = "http://127.0.0.1:8080/signin/oidc/callback"


@pytest.fixture
def peer(clock: FrozenClock) -> Iterator[OpenID]:
    """A provider."""
    with OpenID(clock.now) as peer:
        yield peer


@pytest.fixture
def site(backend: Backend, admin: Caller, peer: OpenID) -> Backend:
    """An installation that knows the provider."""
    return installed(backend, **peer.settings())


@pytest.fixture
def browser(site: Backend) -> Browser:
    """Somebody's browser."""
    return Browser(site)


def refused(browser: Browser, status: int, *words: str) -> str:
    """Asserts that a whole sign-in fails with a page that says so, and that nobody is signed in or made; returns the page."""
    response = browser.sign_in("oidc")

    assert (status, None) == (response.status_code, browser.login), response.text
    assert [] == [word for word in words if word not in response.text]
    assert {} == people(browser.backend)
    return response.text


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
        """A provider whose clock is five minutes fast is refused with that, on the page and in the log."""
        peer.claims = {"iat": int(clock.now().timestamp()) + 300}
        page = browser.sign_in("oidc")

        assert 401 == page.status_code
        assert "300 seconds ahead of this server" in page.text
        assert "300 seconds ahead of this server" in caplog.text

    def test_asks_the_provider_once_for_many_who_come_at_once(self, site: Backend, peer: OpenID) -> None:
        """Sixteen threads of a cold process make one call for what the provider publishes; nobody is refused for it."""
        together = Barrier(16)

        def begin(_: int) -> str:
            together.wait(10)
            return oidc_discovery.metadata(site, "the provider").issuer

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
        """The subject decides: with another name and address it is still the same user, whose own address stays."""
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
            {"aud": "other"}, {"aud": ["other"]}, {"aud": None}, {"aud": []}, {"aud": 7}, {"aud": ["other", "stackhold"]},
            {"aud": ["other", "stackhold"], "azp": "other"}, {"azp": "other"},
            {"iss": "https://evil.example.com"}, {"iss": None}, {"iss": 1},
            {"nonce": "n-0S6"}, {"nonce": None}, {"nonce": ""},
            {"sub": None}, {"sub": ""}, {"sub": 7.5}, {"sub": "ä"}, {"sub": "x" * 256},
            {"exp": None}, {"exp": "soon"}, {"iat": None},
        ],
        ids=str,
    )  # fmt: skip
    def test_with_claims_that_are_not_good_is_refused(self, browser: Browser, peer: OpenID, claims: dict[str, Any]) -> None:
        """Issuer, audience, nonce and subject must all be there and be right."""
        peer.claims = claims

        refused(browser, 401, "is not good")

    @pytest.mark.parametrize(
        ("claim", "seconds", "is_good"),
        [("exp", -59, True), ("exp", -60, False), ("exp", -HOUR_SECONDS, False), ("nbf", 60, True), ("nbf", 61, False),
         ("iat", 60, True), ("iat", 61, False), ("iat", HOUR_SECONDS, False)],
    )  # fmt: skip
    def test_may_be_a_minute_off(  # noqa: PLR0917 - a table of cases
        self, browser: Browser, peer: OpenID, clock: FrozenClock, claim: str, seconds: int, is_good: bool,  # noqa: FBT001
    ) -> None:  # fmt: skip
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
        """A provider that gives something else, or nothing, signs nobody in."""
        peer.replies["POST", "/token"] = Said({"access_token": "t", "token_type": "Bearer", "id_token": token})

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
        clock.pass_seconds(oidc_discovery.KEPT_FOR.total_seconds())
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
        peer.replies["GET", "/keys"] = Said(body)
        response = browser.sign_in("oidc")

        assert response.status_code in {401, 503}
        assert browser.login is None


class TestDiscovery:
    def test_must_be_of_the_issuer(self, browser: Browser, peer: OpenID) -> None:
        """A provider that calls itself by another name than the setting is not asked for anybody."""
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
        """An address that is none ends the sign-in before it begins."""
        usual = peer.configuration().body
        peer.replies["GET", "/.well-known/openid-configuration"] = Said({**usual, name: address})

        assert 503 == browser.client.get("/signin/oidc").status_code

    @pytest.mark.parametrize(("names", "answers_as", "status"), [
        (False, None, 303), (True, None, 401), (True, "own", 303), (False, "own", 303), (False, "https://evil.example.com", 401),
        (True, "https://evil.example.com", 401),
    ])  # fmt: skip
    def test_says_whether_answers_name_the_issuer(
        self, browser: Browser, peer: OpenID, names: bool, answers_as: str | None, status: int,  # noqa: FBT001
    ) -> None:  # fmt: skip
        """An answer that names another issuer is refused, and one that names none where the provider says that it does."""
        peer.names_issuer, peer.answers_as = names, peer.url if answers_as == "own" else answers_as

        assert status == browser.sign_in("oidc").status_code


class TestTrouble:
    @pytest.mark.parametrize("path", ["/token", "/keys", "/userinfo"])
    @pytest.mark.parametrize("said", [
        Said({}, 500), Said(b"not json"), Said([]), Said(b'{"a":' * 100_000), Said(b"x" * (2 << 20)),
        Said({"access_token": "t", "id_token": "x"}, 302, {"Location": "http://127.0.0.1:9/"}),
    ], ids=["error", "text", "list", "deep", "huge", "redirect"])  # fmt: skip
    def test_signs_nobody_in(self, browser: Browser, peer: OpenID, path: str, said: Said) -> None:
        """Whatever a provider answers in place of what it should, nobody is signed in and nothing breaks."""
        peer.person.pop("email")
        peer.replies["POST" if path == "/token" else "GET", path] = said
        response = browser.sign_in("oidc")

        assert response.status_code in {401, 503}
        assert browser.login is None
        assert {} == people(browser.backend)

    @pytest.mark.parametrize("token", [None, "", 5, [], "ä"])
    def test_of_a_token_that_is_none(self, browser: Browser, peer: OpenID, token: object) -> None:
        """An answer without an access token is none."""
        peer.replies["POST", "/token"] = Said({"access_token": token, "expires_in": [1]})

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
        """Nobody waits for an answer for ever."""
        browser = Browser(replace(site, outbound=Outbound("127.0.0.1", seconds=1)))
        back = browser.consent(browser.begin("oidc"))
        peer.replies["POST", "/token"] = Said({}, drip_seconds=3)

        assert 503 == browser.come_back(back).status_code

    def test_with_a_private_address(self, backend: Backend, admin: Caller, peer: OpenID) -> None:
        """A provider on a private address is not called unless the operator lists it."""
        browser = Browser(installed(backend, Outbound(""), **peer.settings()))

        assert 503 == browser.client.get("/signin/oidc").status_code
        assert [] == peer.asked


class TestAddress:
    @pytest.mark.parametrize("verified", [False, None, "false", "yes", 1.5, []])
    def test_that_is_not_verified_is_not_believed(self, browser: Browser, site: Backend, peer: OpenID, verified: object) -> None:
        """It leads to no user who has it, and the new user has no address."""
        make_user(site, "victim")
        peer.person |= {"email": "victim@example.com", "email_verified": verified}
        browser.sign_in("oidc")

        assert "alice" == browser.login
        assert {"victim": "victim@example.com", "alice": ""} == people(site)

    def test_that_is_verified_leads_to_its_user(self, browser: Browser, site: Backend, peer: OpenID) -> None:
        """Who has the address already is who signs in."""
        make_user(site, "bob")
        peer.person |= {"email": "Bob@Example.com", "email_verified": True}
        browser.sign_in("oidc")

        assert ("bob", {"bob": "bob@example.com"}) == (browser.login, people(site))

    def test_may_be_missing(self, browser: Browser, site: Backend, peer: OpenID) -> None:
        """The operator's own provider needs to know no address."""
        peer.person = {"sub": "a1", "preferred_username": "alice"}
        browser.sign_in("oidc")

        assert {"alice": ""} == people(site)

    def test_may_be_elsewhere(self, browser: Browser, site: Backend, peer: OpenID) -> None:
        """A provider may keep the address out of the token and tell it when it is asked."""
        peer.person = {"sub": "a1", "preferred_username": "alice"}
        peer.userinfo = {"email": "alice@example.com", "email_verified": True}
        browser.sign_in("oidc")

        assert {"alice": "alice@example.com"} == people(site)

    def test_elsewhere_must_be_of_the_same_person(self, browser: Browser, peer: OpenID) -> None:
        """What is told of somebody else is not taken."""
        peer.person.pop("email")
        peer.userinfo = {"sub": "b2", "email": "victim@example.com", "email_verified": True}

        refused(browser, 401, "two different people")

    def test_elsewhere_is_not_verified_by_the_token(self, browser: Browser, site: Backend, peer: OpenID) -> None:
        """Whether an address is verified is said where the address is."""
        peer.person.pop("email")
        peer.userinfo = {"email": "alice@example.com"}
        browser.sign_in("oidc")

        assert {"alice": ""} == people(site)


class TestAllowed:
    @pytest.mark.parametrize(("email", "verified", "status"), [
        ("alice@example.com", True, 303), ("alice@EXAMPLE.org", True, 303), ("alice@example.com", False, 403),
        ("alice@evil.com", True, 403), ("alice@sub.example.com", True, 403), ("alice@example.com.evil.com", True, 403), ("", True, 403),
    ])  # fmt: skip
    def test_domains(self, backend: Backend, admin: Caller, peer: OpenID, email: str, verified: bool, status: int) -> None:  # noqa: FBT001, PLR0917 - a table of cases
        """Only a verified address of one of the domains lets somebody in."""
        browser = Browser(installed(backend, STACKHOLD_OIDC_ALLOWED_DOMAINS="example.com, @Example.org", **peer.settings()))
        peer.person |= {"email": email, "email_verified": verified}

        assert status == browser.sign_in("oidc").status_code

    @pytest.mark.parametrize(("groups", "status"), [
        (["staff"], 303), (["x", "staff"], 303), ("staff", 303), (["x"], 403), ([], 403), (None, 403), ([7], 403), ({"staff": 1}, 403),
    ])  # fmt: skip
    def test_groups(self, backend: Backend, admin: Caller, peer: OpenID, groups: object, status: int) -> None:
        """Only somebody in one of the groups is let in; a provider that names no groups names none of them."""
        browser = Browser(installed(backend, STACKHOLD_OIDC_ALLOWED_GROUPS="staff,root", **peer.settings()))
        peer.claims = {"groups": groups}

        assert status == browser.sign_in("oidc").status_code

    def test_groups_keep_out_who_was_in(self, backend: Backend, admin: Caller, peer: OpenID) -> None:
        """Who is taken out of the group cannot sign in any more."""
        browser = Browser(installed(backend, STACKHOLD_OIDC_ALLOWED_GROUPS="staff", **peer.settings()))
        peer.claims = {"groups": ["staff"]}
        browser.sign_in("oidc")
        peer.claims = {"groups": []}
        response = browser.sign_in("oidc")

        assert 403 == response.status_code
        assert "certain groups at Example ID" in response.text

    def test_groups_that_are_left_out_keep_out(self, backend: Backend, admin: Caller, peer: OpenID) -> None:
        """A provider that has too many groups to name them lets nobody in by that."""
        browser = Browser(installed(backend, STACKHOLD_OIDC_ALLOWED_GROUPS="staff", **peer.settings()))
        peer.claims = {"_claim_names": {"groups": "src1"}}
        response = browser.sign_in("oidc")

        assert 403 == response.status_code
        assert "too many" in response.text

    def test_groups_may_be_elsewhere(self, backend: Backend, admin: Caller, peer: OpenID) -> None:
        """A provider may tell the groups when it is asked."""
        browser = Browser(installed(backend, STACKHOLD_OIDC_ALLOWED_GROUPS="staff", **peer.settings()))
        peer.userinfo = {"groups": ["staff"]}

        assert 303 == browser.sign_in("oidc").status_code
