import logging
import threading
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import delete, func, select

from common.backend import Backend
from common.db.tables.people import users
from common.db.tables.sign_in import sign_ins
from common.rights.caller import Caller
from common.sign_in import cleanup, rate_limits
from common.sign_in.external import pending_sign_ins
from common.sign_in.model import Provider
from tests.clocks import FrozenClock
from tests.factories.sign_in import use_up
from tests.interleaving import interleaved
from tests.peers.github import GitHub
from tests.peers.openid import OpenID
from tests.sign_in.browser import Browser, installed, linked, people

ELSEWHERE = [
    "https://evil.example.com/",
    "//evil.example.com",
    "/\\evil.example.com",
    "\\\\evil.example.com",
    "javascript:alert(1)",
    "/%0d%0aLocation:/x\r\nX: y",
    "evil.example.com",
    "http:evil.example.com",
    "/\t/evil.example.com",
    "///evil.example.com",
    "/" + "x" * 3000,
]


@pytest.fixture
def peer(clock: FrozenClock) -> Iterator[OpenID]:
    """A provider."""
    with OpenID(clock.now) as peer:
        yield peer


@pytest.fixture
def github() -> Iterator[GitHub]:
    """Another one."""
    with GitHub() as peer:
        yield peer


@pytest.fixture
def site(backend: Backend, admin: Caller, peer: OpenID, github: GitHub) -> Backend:
    """An installation that knows both."""
    return installed(backend, **peer.settings(), **github.settings())


@pytest.fixture
def browser(site: Backend) -> Browser:
    """A browser."""
    return Browser(site)


def open_sign_ins(backend: Backend) -> int:
    """How many sign-ins are under way."""
    with backend.db.connect() as connection:
        return connection.scalar(select(func.count()).select_from(sign_ins)) or 0


class TestLimits:
    def test_a_client_begins_so_many_and_no_more(self, site: Backend) -> None:
        """Each sign-in that is begun is kept for a while, so one network address cannot fill the table."""
        use_up(site, rate_limits.PROVIDER_OF_CLIENT, "203.0.113.9", left=3)
        here, elsewhere = Browser(site, "203.0.113.9").client, Browser(site, "203.0.113.10").client
        found = [here.get("/signin/oidc") for _ in range(4)]

        assert [303, 303, 303, 429] == [one.status_code for one in found]
        assert "900" == found[-1].headers["retry-after"]
        assert 303 == elsewhere.get("/signin/github").status_code
        assert 4 == open_sign_ins(site)


class TestState:
    def test_is_good_once(self, browser: Browser, peer: OpenID) -> None:
        """The address that a provider sends the browser back to works once; a replay is refused without a call."""
        back = browser.consent(browser.begin("oidc"))
        statuses = [browser.come_back(back).status_code for _ in range(2)]

        assert ([303, 400], 1) == (statuses, peer.times("/token"))

    def test_of_another_browser_is_refused(self, site: Backend) -> None:
        """A person who is lured into another person's sign-in is not signed in as them, and its owner can still finish it."""
        owner, victim = Browser(site), Browser(site)
        back = owner.consent(owner.begin("oidc"))
        victim.begin("oidc")

        assert (400, None) == (victim.come_back(back).status_code, victim.login)
        assert 303 == owner.come_back(back).status_code

    def test_without_a_cookie_is_refused(self, site: Backend) -> None:
        """A browser that keeps no cookies cannot sign in, and is told so."""
        owner = Browser(site)
        back = owner.consent(owner.begin("oidc"))
        response = Browser(site).come_back(back)

        assert 400 == response.status_code
        assert "cookies" in response.text

    @pytest.mark.parametrize("state", ["", "x", "%00", "%ff", "a" * 5000])
    def test_that_was_tampered_with_is_refused(self, browser: Browser, peer: OpenID, state: str) -> None:
        """Only the very state that was given is taken."""
        code = parse_qs(urlsplit(browser.consent(browser.begin("oidc"))).query)["code"][0]

        assert 400 == browser.client.get(f"/signin/oidc/callback?state={state}&code={code}").status_code
        assert 0 == peer.times("/token")

    def test_ends_after_ten_minutes(self, browser: Browser, clock: FrozenClock) -> None:
        """A sign-in that takes longer is begun anew."""
        back = browser.consent(browser.begin("oidc"))
        clock.pass_seconds(pending_sign_ins.LIFETIME.total_seconds())

        assert 400 == browser.come_back(back).status_code

    def test_of_another_provider_is_refused(self, browser: Browser, github: GitHub) -> None:
        """An answer for one provider is no answer of another."""
        back = browser.consent(browser.begin("oidc"))

        assert 400 == browser.come_back(back.replace("/oidc/", "/github/")).status_code
        assert 0 == github.times("/login/oauth/access_token")

    def test_is_used_up_by_a_failure(self, browser: Browser, peer: OpenID) -> None:
        """What failed once is not tried again with the same answer."""
        peer.claims = {"aud": "other"}
        back = browser.consent(browser.begin("oidc"))
        first = browser.come_back(back).status_code
        peer.claims = {}

        assert [401, 400] == [first, browser.come_back(back).status_code]

    # SQLite lets no other process run between the two statements.
    @pytest.mark.dialects("mysql")
    def test_is_taken_once_by_two_at_once(self, site: Backend) -> None:
        """Of two requests with the same answer one signs in."""
        browser = Browser(site)
        back = browser.consent(browser.begin("oidc"))
        cookie = browser.client.cookies["stackhold-visit"]
        state = parse_qs(urlsplit(back).query)["state"][0]
        taken = []

        def other() -> None:
            taken.append(pending_sign_ins.take(site, Provider.OIDC, cookie, state))

        with interleaved(site, "DELETE FROM sign_ins", other):
            status = browser.come_back(back).status_code

        assert (400, 1) == (status, len(taken))

    def test_keeps_no_secret_that_completes_it(self, browser: Browser, site: Backend) -> None:
        """A copy of the database holds neither the state nor the browser's cookie."""
        address = browser.begin("oidc")
        with site.db.connect() as connection:
            row = str(connection.execute(select(sign_ins)).one())

        assert parse_qs(urlsplit(address).query)["state"][0] not in row
        assert browser.client.cookies["stackhold-visit"] not in row

    def test_is_forgotten(self, browser: Browser, site: Backend, clock: FrozenClock) -> None:
        """Sign-ins that never came back are deleted after their time, not before."""
        browser.begin("oidc")
        clock.pass_seconds(pending_sign_ins.LIFETIME.total_seconds())
        browser.begin("oidc")
        early = cleanup.delete_expired(site)
        clock.pass_seconds(1)

        assert (0, 1, 1) == (early, cleanup.delete_expired(site), open_sign_ins(site))


class TestCode:
    def test_is_good_once(self, browser: Browser, site: Backend) -> None:
        """A used code in a new sign-in is refused by the provider, and no user is signed in."""
        first = browser.consent(browser.begin("oidc"))
        browser.come_back(first)
        other = Browser(site)
        code = parse_qs(urlsplit(first).query)["code"][0]
        state = parse_qs(urlsplit(other.begin("oidc")).query)["state"][0]

        assert 401 == other.client.get(f"/signin/oidc/callback?state={state}&code={code}").status_code
        assert other.login is None

    def test_of_somebody_else_is_refused(self, site: Backend) -> None:
        """A stolen code in a sign-in of one's own lacks its challenge's secret."""
        victim, thief = Browser(site), Browser(site)
        code = parse_qs(urlsplit(victim.consent(victim.begin("oidc"))).query)["code"][0]
        state = parse_qs(urlsplit(thief.begin("oidc")).query)["state"][0]

        assert 401 == thief.client.get(f"/signin/oidc/callback?state={state}&code={code}").status_code

    def test_that_was_used_at_github_is_refused(self, browser: Browser, site: Backend) -> None:
        """GitHub says so with status 200."""
        browser.sign_in("github")
        other = Browser(site)
        state = parse_qs(urlsplit(other.begin("github")).query)["state"][0]

        assert 401 == other.client.get(f"/signin/github/callback?state={state}&code=used").status_code


class TestRefusal:
    @pytest.mark.parametrize("error", ["access_denied", "server_error", "<script>alert(2)</script>"])
    def test_is_told_in_our_own_words(self, browser: Browser, peer: OpenID, error: str) -> None:
        """The words of a provider, or of a forged response, are not shown."""
        peer.refuses = error
        response = browser.sign_in("oidc")

        assert 403 == response.status_code
        assert "Example ID" in response.text
        assert "alert(" not in response.text
        assert browser.login is None

    def test_leaves_no_secret_in_the_log(self, browser: Browser, peer: OpenID, caplog: pytest.LogCaptureFixture) -> None:
        """Neither success nor failure writes codes, tokens, states or the client's secret into the log."""
        with caplog.at_level(logging.DEBUG, "stackhold"), caplog.at_level(logging.DEBUG, "httpx"):
            back = browser.consent(browser.begin("oidc"))
            browser.come_back(back)
            peer.claims = {"aud": "other"}
            browser.sign_in("oidc")
            peer.stop()
            browser.client.get("/signin/github")
        query = parse_qs(urlsplit(back).query)
        secrets = [peer.client_secret, query["state"][0], query["code"][0], *peer._tokens]

        assert len(secrets) > 4
        assert "is not valid" in caplog.text
        assert [] == [one for one in secrets if one in caplog.text]


class TestReturn:
    @pytest.mark.parametrize("address", ELSEWHERE)
    def test_stays_here(self, browser: Browser, address: str) -> None:
        """No address leads anywhere but to a page of this host."""
        assert "/settings/tokens" == browser.sign_in("oidc", address).headers["Location"]


class TestOffers:
    @pytest.mark.parametrize("path", ["/signin/gitlab", "/signin/gitlab/callback?state=a&code=b"])
    def test_are_those_that_are_set_up(self, browser: Browser, path: str) -> None:
        """A provider that is not set up has no pages."""
        assert 404 == browser.client.get(path).status_code

    def test_are_on_the_sign_in_page(self, browser: Browser) -> None:
        """Each has its button, which keeps where to go."""
        text = browser.client.get("/signin?return_to=/settings").text

        assert all(f'href="/signin/{key}?return_to=%2Fsettings"' in text for key in ("github", "oidc"))
        assert "Example ID" in text
        assert "GitLab" not in text


class TestNewcomers:
    def test_that_come_twice_at_once_are_one(self, site: Backend) -> None:
        """Two first sign-ins of one identity make one user."""
        browsers = [Browser(site) for _ in range(4)]
        backs = [browser.consent(browser.begin("oidc")) for browser in browsers]
        threads = [
            threading.Thread(target=browser.come_back, args=(back,)) for browser, back in zip(browsers, backs, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert ["alice"] * 4 == [browser.login for browser in browsers]
        assert {"alice": "alice@example.com"} == people(site)

    def test_with_one_address_at_two_providers_are_one(self, site: Backend) -> None:
        """Two identities with one verified address that come for the first time at once are one user's."""
        browsers = {key: Browser(site) for key in ("oidc", "github")}
        backs = {key: browser.consent(browser.begin(key)) for key, browser in browsers.items()}
        threads = [threading.Thread(target=browser.come_back, args=(backs[key],)) for key, browser in browsers.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert {"alice": "alice@example.com"} == people(site)
        assert 2 == len(linked(site))

    def test_get_another_name_when_theirs_is_taken(self, site: Backend, browser: Browser, peer: OpenID) -> None:
        """A name is not an identity: a person with a taken name gets a similar one."""
        browser.sign_in("oidc")
        peer.person |= {"sub": "b2", "email": "other@example.com"}
        browser.sign_in("oidc")

        assert {"alice": "alice@example.com", "alice-2": "other@example.com"} == people(site)

    @pytest.mark.parametrize("name", ["", "ä", "-", "a", "x" * 300, "Éva Ö", "../..", "a/b", "a\x00b\r\nc", "😀" * 300])
    def test_may_have_any_name(self, site: Backend, browser: Browser, peer: OpenID, name: str) -> None:
        """Whatever name a provider sends, the user gets a valid login."""
        peer.person = {"sub": "a1", "preferred_username": name, "name": name * 10}

        assert 303 == browser.sign_in("oidc").status_code
        assert browser.login is not None

    def test_are_signed_in_anew(self, site: Backend, browser: Browser) -> None:
        """A sign-in ends the session that the browser had."""
        browser.sign_in("oidc")
        first = browser.client.cookies["stackhold"]
        browser.sign_in("oidc")
        old = Browser(site)
        old.client.cookies.set("stackhold", first)

        assert first != browser.client.cookies["stackhold"]
        assert 303 == old.client.get("/settings").status_code

    def test_that_were_removed_stay_out(self, site: Backend, browser: Browser) -> None:
        """An identity of a removed user signs no user in and creates none."""
        browser.sign_in("oidc")
        with site.db.connect() as connection:
            connection.execute(delete(users).where(users.c.login == "alice"))
        other = Browser(site)

        assert (403, None, {}) == (other.sign_in("oidc").status_code, other.login, people(site))
