from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from common.backend import Backend
from common.people.orgs.invites import service as invites
from common.people.orgs.model import NewInvite, RequestedRole
from common.rights.caller import Caller
from tests.clocks import FrozenClock
from tests.factories.people import make_user
from tests.peers.github import GitHub
from tests.peers.http_peer import PeerReply
from tests.sign_in.browser import Browser, Rerouted, installed, linked, people


@pytest.fixture
def peer() -> Iterator[GitHub]:
    """GitHub."""
    with GitHub() as peer:
        yield peer


@pytest.fixture
def browser(backend: Backend, admin: Caller, peer: GitHub) -> Browser:
    """A browser at an installation with an enterprise server."""
    return Browser(installed(backend, **peer.settings()))


def public(backend: Backend, peer: GitHub, **settings: str) -> Browser:
    """A browser at an installation with the public GitHub, which the peer stands in for."""
    usual = {"GITHUB_OAUTH_ID": peer.client_id, "GITHUB_OAUTH_SECRET": peer.client_secret}
    outbound = Rerouted({"https://github.com": peer.url, "https://api.github.com": peer.url})
    return Browser(installed(backend, outbound, **usual, **settings))


def enter(browser: Browser, peer: GitHub) -> int:
    """Signs in with the public GitHub and returns the last status."""
    address = browser.begin("github")
    assert "https://github.com/login/oauth/authorize" == address.partition("?")[0]
    return browser.come_back(browser.consent(address, origin=peer.url)).status_code


class TestEnterprise:
    def test_lets_everybody_in(self, browser: Browser, peer: GitHub) -> None:
        """Whom an enterprise server knows is a user, with the primary address in lower case."""
        response = browser.sign_in("github", "/cli-login?cliSessionPort=1234")

        assert "/cli-login?cliSessionPort=1234" == response.headers["Location"]
        assert ("alice", {"alice": "alice@example.com"}) == (browser.login, people(browser.backend))
        assert f"{peer.url}/login/oauth/authorize" == browser.begin("github").partition("?")[0]

    @pytest.mark.parametrize(
        "emails",
        [
            [],
            {},
            None,
            ["alice@example.com"],
            [{"email": "victim@example.com", "primary": True, "verified": False}],
            [{"email": "victim@example.com", "primary": False, "verified": True}],
            [{"email": "victim@example.com", "primary": "yes", "verified": "yes"}],
        ],
        ids=str,
    )
    def test_believes_the_primary_verified_address_alone(self, browser: Browser, peer: GitHub, emails: Any) -> None:
        """An address that is not primary and verified finds no user and is stored for no user."""
        make_user(browser.backend, "victim")
        peer.emails = emails
        browser.sign_in("github")

        assert ("alice", "") == (browser.login, people(browser.backend)["alice"])

    def test_is_known_by_number(self, browser: Browser, peer: GitHub) -> None:
        """A person who changes their name at GitHub is the same user; another one who takes the old name is not."""
        browser.sign_in("github")
        peer.user["login"] = "alice-archer"
        browser.sign_in("github")
        again = browser.login
        peer.user |= {"login": "alice", "id": 7}
        peer.emails = []
        browser.sign_in("github")

        assert ("alice", "alice-2") == (again, browser.login)

    def test_may_say_what_no_database_keeps(self, browser: Browser, peer: GitHub) -> None:
        """Halves of characters and control characters in a name are left out."""
        peer.user |= {"login": "\ud800alice", "name": "Al\x00ice\r\n\udfff"}

        assert 303 == browser.sign_in("github").status_code
        assert ("alice", "Alice") == (browser.login, browser.caller.name if browser.caller else "")

    @pytest.mark.parametrize("user", [{}, {"id": None}, {"id": True}, {"id": ""}, [], None], ids=str)
    def test_needs_an_id(self, browser: Browser, peer: GitHub, user: Any) -> None:
        """An answer without a subject signs no user in."""
        peer.user = user

        assert browser.sign_in("github").status_code in {401, 503}
        assert browser.login is None

    @pytest.mark.parametrize("path", ["/api/v3/user", "/api/v3/user/emails", "/login/oauth/access_token"])
    @pytest.mark.parametrize(
        "said",
        [
            PeerReply({}, 500),
            PeerReply({"message": "Forbidden"}, 403),
            PeerReply(b"<html>"),
            PeerReply(b"x" * (2 << 20)),
            PeerReply(b"", 302, {"Location": "/"}),
        ],
        ids=["error", "forbidden", "text", "huge", "redirect"],
    )
    def test_may_be_in_trouble(self, browser: Browser, peer: GitHub, path: str, said: PeerReply) -> None:
        """An answer that is not valid signs no user in, and there is a page."""
        peer.replies["POST" if path.endswith("token") else "GET", path] = said

        assert 503 == browser.sign_in("github").status_code
        assert browser.login is None


class TestPublic:
    def test_lets_no_stranger_in(self, backend: Backend, admin: Caller, peer: GitHub) -> None:
        """Everyone can have an account there, so an account alone does not make a user here."""
        browser = public(backend, peer)

        assert 403 == enter(browser, peer)
        assert {} == people(backend)

    @pytest.mark.parametrize(
        ("domains", "status"), [("example.com", 303), ("@Example.COM", 303), ("*", 303), ("example.org", 403), ("ample.com", 403)]
    )
    def test_lets_domains_in(self, backend: Backend, admin: Caller, peer: GitHub, domains: str, status: int) -> None:
        """A verified address of a domain that is welcome makes a user."""
        assert status == enter(public(backend, peer, STACKHOLD_SIGN_UP_DOMAINS=domains), peer)

    def test_needs_the_address_verified(self, backend: Backend, admin: Caller, peer: GitHub) -> None:
        """An unverified address belongs to no domain."""
        peer.emails = [{"email": "alice@example.com", "primary": True, "verified": False}]

        assert 403 == enter(public(backend, peer, STACKHOLD_SIGN_UP_DOMAINS="*"), peer)
        assert {} == people(backend)

    def test_lets_guests_in(self, backend: Backend, admin: Caller, peer: GitHub) -> None:
        """A person with an invited, verified address may sign in, and finds the invitation."""
        invites.create_invites(backend, admin, "acme", [NewInvite("alice@example.com", RequestedRole("member"))])
        browser = public(backend, peer)

        assert 303 == enter(browser, peer)
        assert browser.caller is not None
        assert ["acme"] == [invite.org_login for invite in invites.list_pending_invites(backend, browser.caller)]

    def test_lets_no_late_guest_in(self, backend: Backend, admin: Caller, peer: GitHub, clock: FrozenClock) -> None:
        """An invitation that has expired does not allow a sign-in."""
        invites.create_invites(backend, admin, "acme", [NewInvite("alice@example.com", RequestedRole("member"))])
        clock.pass_seconds(invites.OPEN_FOR.total_seconds())

        assert 403 == enter(public(backend, peer), peer)

    def test_knows_who_has_the_address(self, backend: Backend, admin: Caller, peer: GitHub) -> None:
        """A user with the verified address signs in without an invitation."""
        make_user(backend, "alice")
        browser = public(backend, peer)

        assert 303 == enter(browser, peer)
        assert [("alice", "github.com", "583231")] == linked(backend)

    def test_is_another_one_than_an_enterprise_server(self, backend: Backend, admin: Caller, peer: GitHub) -> None:
        """The same number is another person on another server."""
        enter(public(backend, peer, STACKHOLD_SIGN_UP_DOMAINS="*"), peer)
        peer.user["login"], peer.emails = "mallory", []
        own = Browser(installed(backend, **peer.settings()))
        own.sign_in("github")

        assert "mallory" == own.login
        assert "github.com" in {provider for _, provider, _ in linked(backend)}
        assert 2 == len(linked(backend))


class TestAddresses:
    def test_are_derived_from_the_endpoint(self, backend: Backend, admin: Caller) -> None:
        """The setting has the API's address; the pages are beside it."""
        for endpoint, page in (
            ("https://ghe.example.com/api/v3", "ghe.example.com"),
            ("https://ghe.example.com:8443/api/v3/", "ghe.example.com:8443"),
            ("https://api.acme.ghe.com", "acme.ghe.com"),
            ("https://api.github.com", "github.com"),
        ):
            site = installed(backend, GITHUB_OAUTH_ENDPOINT=endpoint, GITHUB_OAUTH_ID="i", GITHUB_OAUTH_SECRET="s")

            assert page == urlsplit(Browser(site).begin("github")).netloc
