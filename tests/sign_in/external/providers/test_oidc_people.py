"""Whom a provider lets in: verified addresses, domains, groups."""

import pytest

from common.backend import Backend
from common.rights.caller import Caller
from tests.factories.people import make_user
from tests.peers.openid import OpenID
from tests.sign_in.browser import Browser, installed, people
from tests.sign_in.external.providers.oidc_fixtures import browser, peer, refused, site

HERE = "http://127.0.0.1:8080/signin/oidc/callback"
__all__ = ["browser", "peer", "site"]


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
        """Userinfo about another person is not used."""
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
    @pytest.mark.parametrize(
        ("email", "verified", "status"),
        [
            ("alice@example.com", True, 303),
            ("alice@EXAMPLE.org", True, 303),
            ("alice@example.com", False, 403),
            ("alice@evil.com", True, 403),
            ("alice@sub.example.com", True, 403),
            ("alice@example.com.evil.com", True, 403),
            ("", True, 403),
        ],
    )
    def test_domains(self, backend: Backend, admin: Caller, peer: OpenID, email: str, verified: bool, status: int) -> None:  # noqa: PLR0917 - a table of cases
        """Only a verified address in one of the domains allows a sign-in."""
        browser = Browser(installed(backend, STACKHOLD_OIDC_ALLOWED_DOMAINS="example.com, @Example.org", **peer.settings()))
        peer.person |= {"email": email, "email_verified": verified}

        assert status == browser.sign_in("oidc").status_code

    @pytest.mark.parametrize(
        ("groups", "status"),
        [
            (["staff"], 303),
            (["x", "staff"], 303),
            ("staff", 303),
            (["x"], 403),
            ([], 403),
            (None, 403),
            ([7], 403),
            ({"staff": 1}, 403),
        ],
    )
    def test_groups(self, backend: Backend, admin: Caller, peer: OpenID, groups: object, status: int) -> None:
        """Only a person in one of the groups may sign in; a missing claim means no groups."""
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
        """A provider that leaves out too many groups allows no sign-in by that."""
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
