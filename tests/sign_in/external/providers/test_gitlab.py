from collections.abc import Iterator
from typing import Any

import pytest

from common.backend import Backend
from common.rights.caller import Caller
from tests.factories.people import make_user
from tests.peers.gitlab import GitLab
from tests.peers.http_peer import PeerReply
from tests.sign_in.browser import Browser, Rerouted, installed, linked, people


@pytest.fixture
def peer() -> Iterator[GitLab]:
    """GitLab."""
    with GitLab() as peer:
        yield peer


@pytest.fixture
def browser(backend: Backend, admin: Caller, peer: GitLab) -> Browser:
    """A browser at an installation with a self-managed server."""
    return Browser(installed(backend, **peer.settings()))


class TestSelfManaged:
    def test_lets_everybody_in(self, browser: Browser) -> None:
        """Whom the operator's own server knows is a user, with the address that it has confirmed."""
        response = browser.sign_in("gitlab", "/settings")

        assert (303, "/settings") == (response.status_code, response.headers["Location"])
        assert ("alice", {"alice": "alice@example.com"}) == (browser.login, people(browser.backend))

    @pytest.mark.parametrize("confirmed_at", [None, "", 5])
    def test_believes_confirmed_addresses_alone(self, browser: Browser, peer: GitLab, confirmed_at: Any) -> None:
        """An unconfirmed address finds no user and is stored for no user."""
        make_user(browser.backend, "victim")
        peer.user |= {"email": "victim@example.com", "confirmed_at": confirmed_at}
        browser.sign_in("gitlab")

        assert ("alice", "") == (browser.login, people(browser.backend)["alice"])

    @pytest.mark.parametrize("state", ["blocked", "deactivated", "banned", "ldap_blocked"])
    def test_keeps_out_who_was_blocked(self, browser: Browser, peer: GitLab, state: str) -> None:
        """Who was blocked at GitLab cannot come in by a token from before."""
        browser.sign_in("gitlab")
        other = Browser(browser.backend)
        peer.user["state"] = state

        assert (403, None) == (other.sign_in("gitlab").status_code, other.login)

    @pytest.mark.parametrize("path", ["/api/v4/user", "/oauth/token"])
    @pytest.mark.parametrize(
        "said",
        [
            PeerReply({}, 500),
            PeerReply(b"<html>"),
            PeerReply([]),
            PeerReply(b"x" * (2 << 20)),
            PeerReply({"access_token": "t"}, 302, {"Location": "/"}),
        ],
        ids=["error", "text", "list", "huge", "redirect"],
    )
    def test_may_be_in_trouble(self, browser: Browser, peer: GitLab, path: str, said: PeerReply) -> None:
        """An answer that is not valid signs no user in, and there is a page."""
        peer.replies["POST" if path.endswith("token") else "GET", path] = said

        assert 503 == browser.sign_in("gitlab").status_code
        assert browser.login is None


class TestPublic:
    def test_lets_no_stranger_in_but_who_is_welcome(self, backend: Backend, admin: Caller, peer: GitLab) -> None:
        """gitlab.com makes users only of whom the settings or an invitation welcome."""
        statuses = []
        for settings in ({}, {"STACKHOLD_SIGN_UP_DOMAINS": "example.com"}):
            names = {"GITLAB_OAUTH_ID": peer.client_id, "GITLAB_OAUTH_SECRET": peer.client_secret}
            browser = Browser(installed(backend, Rerouted({"https://gitlab.com": peer.url}), **names, **settings))
            statuses.append(browser.come_back(browser.consent(browser.begin("gitlab"), origin=peer.url)).status_code)

        assert [403, 303] == statuses
        assert [("alice", "gitlab.com", "42")] == linked(backend)
