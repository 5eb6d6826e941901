"""Signing in through SAML when all is well, and who becomes what by it."""

import re
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.errors import BadRequest
from common.people.orgs.invites import service as invites
from common.people.orgs.model import NewInvite, RequestedRole
from common.rights.caller import Caller
from common.rights.permissions import Role
from common.sign_in import rate_limits
from common.sign_in.external import service as external
from common.sign_in.sessions import service as sessions
from common.sign_in.sessions import steps as session_steps
from functions.http.app import create_app
from tests.factories.orgs import suspend
from tests.factories.people import caller_of, make_org, make_user
from tests.factories.saml import linked_to, make_site_admin, member, provision, set_provider
from tests.factories.settings import with_settings
from tests.factories.sign_in import use_up
from tests.peers.saml_idp import PERSISTENT, Pair, make_pair, metadata
from tests.sign_in.saml.browser import BASE, Browser, acs, good, us

NewBrowser = Callable[[], Browser]


class TestBegin:
    def test_asks_the_provider(self, browser: Browser) -> None:
        """The browser goes to the provider's address with a request that names this server, and keeps its query."""
        asked = browser.begin()

        assert asked.url.startswith("https://idp.example.com/sso?tenant=1&app=2&SAMLRequest=")
        assert (acs(), us(), "https://idp.example.com/sso?tenant=1&app=2") == (asked.acs, asked.issuer, asked.destination)
        assert not asked.forced
        assert "" == asked.signature

    def test_asks_anew(self, browser: Browser) -> None:
        """The address that the command line tells people to open asks for a fresh sign-in."""
        assert browser.begin(reauth=True).forced

    @pytest.mark.usefixtures("browser")
    def test_is_limited_for_a_client(self, backend: Backend) -> None:
        """Sign-ins that are begun count together, whether they ask anew or not."""
        use_up(backend, rate_limits.PROVIDER_OF_CLIENT, "203.0.113.9", left=3)
        client = TestClient(create_app(backend), follow_redirects=False, client=("203.0.113.9", 50_000))
        paths = ["/signin/sso/acme", "/signin/sso/acme/reauth"] * 2

        assert [303, 303, 303, 429] == [client.get(path).status_code for path in paths]

    @pytest.mark.parametrize("path", ["/signin/sso/{}", "/signin/sso/{}/reauth", "/signin/sso/{}/finish?code=x"])
    def test_tells_no_organizations(self, backend: Backend, admin: Caller, browser: Browser, path: str) -> None:
        """An organization that has no provider, one that does not exist and one that cannot be look alike."""
        make_org(backend, "annex", admin)
        found = [browser.client.get(path.format(org)) for org in ("annex", "nobody", "a%20b")]

        assert [404, 404, 404] == [one.status_code for one in found]
        assert 1 == len({one.text for one in found})

    def test_tells_no_organizations_to_who_posts(self, backend: Backend, admin: Caller, browser: Browser) -> None:
        """The same holds where answers go."""
        make_org(backend, "annex", admin)
        found = [browser.answer(good(), org=org) for org in ("annex", "nobody")]

        assert [404, 404] == [one.status_code for one in found]
        assert 1 == len({_without_key(one.text) for one in found})


class TestMetadata:
    def test_tells_what_a_provider_needs(self, browser: Browser) -> None:
        """It names this server and where answers go, and asks for signed assertions."""
        found = browser.client.get("/login/acme/sso/saml/metadata")

        assert "application/samlmetadata+xml" == found.headers["Content-Type"]
        for part in (f'entityID="{us()}"', f'Location="{acs()}"', 'WantAssertionsSigned="true"', 'AuthnRequestsSigned="false"'):
            assert part in found.text

    def test_tells_no_organizations(self, browser: Browser) -> None:
        """It is the same for an organization that does not exist, and is there before a provider is."""
        one, other = (browser.client.get(f"/login/{org}/sso/saml/metadata") for org in ("acme", "nobody"))

        assert one.text == other.text.replace("nobody", "acme")
        assert 404 == browser.client.get("/login/a%22b/sso/saml/metadata").status_code


class TestAsked:
    def test_signs_a_member_in(self, backend: Backend, admin: Caller, browser: Browser) -> None:
        """A member with the address that the provider tells is signed in, and goes where they wanted to."""
        assert admin.login
        make_user(backend, "alice", org="acme")

        done = browser.sign_in(query="?return_to=/settings/tokens%3Fx=1")

        assert (303, "/settings/tokens?x=1") == (done.status_code, done.headers["Location"])
        assert browser.is_signed_in
        assert {"alice@example.com": "alice"} == linked_to(backend)
        assert ("member", True) == member(backend, "alice")

    def test_knows_them_again(self, backend: Backend, new_browser: NewBrowser) -> None:
        """An account that is known stays the same user, whatever the address becomes."""
        make_user(backend, "alice", org="acme")
        new_browser().sign_in(subject="42", name_format=PERSISTENT, attributes={"mail": "alice@example.com"})
        browser = new_browser()
        browser.sign_in(subject="42", name_format=PERSISTENT, attributes={"mail": "alice.new@example.com"})

        assert browser.is_signed_in
        assert {"42": "alice"} == linked_to(backend)

    def test_signs_in_whom_the_directory_knows(self, backend: Backend, new_browser: NewBrowser) -> None:
        """A member whom the organization's directory made is found by the user name or the address there, whatever its case."""
        make_user(backend, "alice", org="acme")
        make_user(backend, "bob", org="acme")
        provision(backend, "alice", "a.smith@corp.example.com")
        provision(backend, "bob", "bob-42", "b.jones@corp.example.com")

        new_browser().sign_in(subject="A.Smith@corp.example.com", name_format=PERSISTENT)
        new_browser().sign_in(subject="7", name_format=PERSISTENT, attributes={"mail": "B.Jones@corp.example.com"})

        assert {"A.Smith@corp.example.com": "alice", "7": "bob"} == linked_to(backend)

    def test_makes_a_new_member(self, backend: Backend, admin: Caller, browser: Browser) -> None:
        """Whom no one knows becomes a user and a member; their address counts in this organization alone."""
        browser.sign_in(subject="Nora.New@Example.com", attributes={"displayName": "Nora New"})

        assert {"nora.new@example.com": "nora-new"} == linked_to(backend)
        assert ("member", True) == member(backend, "nora-new")
        assert browser.is_signed_in
        assert admin.login

    def test_takes_the_invitation(self, backend: Backend, admin: Caller, browser: Browser) -> None:
        """A new user who was invited by address gets the role of the invitation, which is used up."""
        asked = [NewInvite("nora@example.com", RequestedRole("billing-manager"))]
        invites.create_invites(backend, admin, "acme", asked)

        browser.sign_in(subject="nora@example.com")

        assert ("billing-manager", True) == member(backend, "nora")
        assert [] == invites.list_invites(backend, admin, "acme")

    def test_leaves_the_invitation_of_another(self, backend: Backend, admin: Caller, browser: Browser) -> None:
        """An invitation to the address of an outsider who has an account is theirs: the provider's account is another user."""
        make_user(backend, "bob")
        invites.create_invites(backend, admin, "acme", [NewInvite("bob@example.com", RequestedRole("admin"))])

        browser.sign_in(subject="bob@example.com")

        assert {"bob@example.com": "bob-2"} == linked_to(backend)
        assert ("member", True) == member(backend, "bob-2")
        assert 1 == len(invites.list_invites(backend, admin, "acme"))

    def test_links_no_outsider(self, backend: Backend, browser: Browser) -> None:
        """An organization's provider speaks for no one outside it: the same address becomes another user."""
        make_user(backend, "alice")

        browser.sign_in()

        assert {"alice@example.com": "alice-2"} == linked_to(backend)
        assert member(backend, "alice") is None

    def test_links_no_site_administrator(self, backend: Backend, browser: Browser) -> None:
        """Nor does it speak for anyone who administers the installation, member or not."""
        make_user(backend, "alice", org="acme")
        make_site_admin(backend, "alice")

        browser.sign_in()

        assert {"alice@example.com": "alice-2"} == linked_to(backend)

    def test_asks_a_member_of_other_organizations(
        self,
        backend: Backend,
        admin: Caller,
        new_browser: NewBrowser,
    ) -> None:
        """An organization's provider does not open what its member has elsewhere, unless they link the account themselves."""
        alice = caller_of(backend, make_user(backend, "alice", org="acme"))
        make_org(backend, "annex", admin, alice)
        refused = new_browser().sign_in()
        own = new_browser()
        with backend.db.begin() as tx:
            secret = session_steps.start(tx, backend, alice.user_id, provider="password")
        own.client.cookies.set("stackhold", sessions.cookie(backend, secret))
        asked = own.sign_in()

        assert (403, True) == (refused.status_code, "to link the two" in refused.text)
        assert 200 == asked.status_code
        assert {} == linked_to(backend)

    def test_links_an_address_once(self, backend: Backend, new_browser: NewBrowser) -> None:
        """An address that passes to another account at the provider does not bring the user with it."""
        make_user(backend, "alice", org="acme")
        new_browser().sign_in(subject="1", name_format=PERSISTENT, attributes={"mail": "alice@example.com"})
        new_browser().sign_in(subject="2", name_format=PERSISTENT, attributes={"mail": "alice@example.com"})

        assert {"1": "alice", "2": "alice-2"} == linked_to(backend)

    def test_of_two_organizations(self, backend: Backend, admin: Caller, new_browser: NewBrowser, pair: Pair) -> None:
        """The same name at two organizations' providers is two people, until they link them."""
        make_org(backend, "annex", admin)
        set_provider(backend, admin, metadata(pair), "annex")
        new_browser().sign_in()
        new_browser().sign_in(org="annex", acs=acs("annex"), audience=us("annex"))

        assert (None, ("member", True)) == (member(backend, "alice", "annex"), member(backend, "alice-2", "annex"))


class TestLinking:
    def test_asks_who_is_signed_in(self, backend: Backend, browser: Browser) -> None:
        """A member who is signed in and comes with an unknown account is asked, and nothing happens until they answer."""
        make_user(backend, "alice", org="acme")
        browser.sign_in()

        asked = browser.sign_in(subject="a.smith@example.com")

        assert 200 == asked.status_code
        assert "Is this you?" in asked.text
        assert {"alice@example.com": "alice"} == linked_to(backend)

    @pytest.mark.parametrize(("choice", "expected"), [("link", "alice"), ("new", "a-smith")])
    def test_does_as_they_say(self, backend: Backend, browser: Browser, choice: str, expected: str) -> None:
        """The account becomes theirs, or a new user's."""
        make_user(backend, "alice", org="acme")
        browser.sign_in()
        asked = browser.sign_in(subject="a.smith@example.com")

        done = browser.choose(asked, choice)

        assert 303 == done.status_code
        assert expected == linked_to(backend)["a.smith@example.com"]
        assert 403 == browser.choose(asked, choice).status_code

    def test_needs_the_form(self, backend: Backend, browser: Browser) -> None:
        """The answer counts only with the key of the page that asked."""
        make_user(backend, "alice", org="acme")
        browser.sign_in()
        browser.sign_in(subject="a.smith@example.com")

        refused = browser.client.post("/signin/sso/acme/finish", data={"code": "x", "choice": "link", "form_key": "0"})

        assert 403 == refused.status_code

    def test_is_no_offer_to_strangers(self, backend: Backend, admin: Caller, pair: Pair, new_browser: NewBrowser) -> None:
        """Who is signed in but no member is not asked: the account becomes a new user."""
        make_org(backend, "annex", admin)
        set_provider(backend, admin, metadata(pair), "annex")
        browser = new_browser()
        browser.sign_in(org="annex", acs=acs("annex"), audience=us("annex"))

        done = browser.sign_in(subject="other@example.com")

        assert 303 == done.status_code
        assert "other" == linked_to(backend)["other@example.com"]


class TestUnasked:
    def test_asks_and_signs_in(self, backend: Backend, browser: Browser) -> None:
        """What the provider begins ends in a session once a user says that they want it, and leads to a path here."""
        make_user(backend, "alice", org="acme")

        asked = browser.arrive("/settings")
        was_signed_in = browser.is_signed_in
        done = browser.choose(asked, "continue")

        assert "Sign in?" in asked.text
        assert not was_signed_in
        assert (303, "/settings") == (done.status_code, done.headers["Location"])
        assert browser.is_signed_in
        assert ("member", True) == member(backend, "alice")

    def test_does_not_ask_who_is_there_already(self, backend: Backend, browser: Browser) -> None:
        """Who is signed in as that user already is not asked."""
        make_user(backend, "alice", org="acme")
        browser.sign_in()

        done = browser.arrive()

        assert (303, "/settings/tokens") == (done.status_code, done.headers["Location"])

    @pytest.mark.parametrize(
        "relay",
        [
            "https://evil.example.com/",
            "//evil.example.com",
            "/\\evil.example.com",
            "\\\\evil",
            "javascript:alert(1)",
            "x" * 5000,
            "/%0d%0aSet-Cookie:x",
            "/\r\nSet-Cookie: x=y",
            "http:evil",
        ],
    )
    def test_leads_nowhere_else(self, browser: Browser, relay: str) -> None:
        """A RelayState that is no path here leads to the usual page."""
        done = browser.choose(browser.arrive(relay), "continue")

        assert 303 == done.status_code
        assert done.headers["Location"] in ("/settings/tokens", "/%0d%0aSet-Cookie:x")
        assert "x" not in done.cookies


class TestKeptOut:
    def test_removed(self, backend: Backend, admin: Caller, client: TestClient, new_browser: NewBrowser) -> None:
        """Who was removed does not come back by the provider alone, but with an invitation to their address."""
        make_user(backend, "alice", org="acme")
        new_browser().sign_in()
        assert 204 == client.delete("/api/orgs/acme/members/alice").status_code

        refused = new_browser().sign_in()
        was = member(backend, "alice")
        invites.create_invites(backend, admin, "acme", [NewInvite("alice@example.com", RequestedRole("member"))])
        again = new_browser().sign_in()

        assert (403, None) == (refused.status_code, was)
        assert "not a member of organization acme any more" in refused.text
        assert 303 == again.status_code
        assert ("member", True) == member(backend, "alice")

    def test_does_not_become_somebody_new(self, backend: Backend, client: TestClient, new_browser: NewBrowser) -> None:
        """Who was removed cannot unlink the account by which that is known; a member can."""
        make_user(backend, "alice", org="acme")
        browser = new_browser()
        browser.sign_in()
        (account,) = external.list_identities(backend, signed_in_as(backend, browser))
        client.delete("/api/orgs/acme/members/alice")

        with pytest.raises(BadRequest, match="stays linked"):
            external.unlink(backend, signed_in_as(backend, browser), account.provider, account.subject)
        assert {"alice@example.com": "alice"} == linked_to(backend)

    def test_added_again(self, backend: Backend, client: TestClient, new_browser: NewBrowser) -> None:
        """Whom an administrator adds again comes in as before."""
        make_user(backend, "alice", org="acme")
        new_browser().sign_in()
        client.delete("/api/orgs/acme/members/alice")
        client.post("/api/orgs/acme/members/alice", json={"role": "member"})

        assert 303 == new_browser().sign_in().status_code
        assert {"alice@example.com": "alice"} == linked_to(backend)

    def test_suspended(self, backend: Backend, new_browser: NewBrowser) -> None:
        """Who is suspended is refused, known account or not, and no second user is made."""
        make_user(backend, "alice", org="acme")
        make_user(backend, "bob", org="acme")
        new_browser().sign_in()
        suspend(backend, "alice")
        suspend(backend, "bob")

        browser = new_browser()
        refused = [browser.sign_in(), browser.sign_in(subject="bob@example.com")]

        assert [403, 403] == [one.status_code for one in refused]
        assert all("suspended" in one.text for one in refused)
        assert not browser.is_signed_in
        assert {"alice@example.com": "alice"} == linked_to(backend)


class TestSession:
    def test_is_the_persons(self, backend: Backend, admin: Caller, browser: Browser) -> None:
        """The session is the user's in every organization that they belong to, not in this one alone."""
        token = make_user(backend, "alice", org="acme", role=Role.ADMIN)
        assert admin.login

        browser.sign_in()
        make_org(backend, "annex", caller_of(backend, token))

        page = browser.client.get("/settings")
        assert 200 == page.status_code
        assert "alice" in page.text

    def test_is_kept_apart(self, new_browser: NewBrowser) -> None:
        """Where this server is reached by plain HTTP on loopback the cookies say so, and all are out of scripts' reach."""
        browser = new_browser()
        led = browser.client.get("/signin/sso/acme")

        assert "HttpOnly" in led.headers["Set-Cookie"]
        assert "SameSite=lax" in led.headers["Set-Cookie"]
        assert BASE in browser.answer(good()).headers["Location"]


def signed_in_as(backend: Backend, browser: Browser) -> Caller:
    """Return who is signed in at a browser."""
    return sessions.authenticate(backend, browser.client.cookies["stackhold"])


def _without_key(page: str) -> str:
    return re.sub(r"[0-9a-f]{64}", "", page)


def test_requests_are_signed(backend: Backend, admin: Caller, pair: Pair) -> None:
    """With a certificate of its own this server signs its requests, and says so in its metadata."""
    own = make_pair("service")
    server = with_settings(backend, SAML_CERTIFICATE_PUBLIC_KEY=own.certificate, SAML_CERTIFICATE_PRIVATE_KEY=own.key)
    browser = Browser.fresh(server, pair)
    set_provider(backend, admin, metadata(pair))

    asked, told = browser.begin(), browser.client.get("/login/acme/sso/saml/metadata").text

    assert asked.signature
    assert 'AuthnRequestsSigned="true"' in told
    assert 2 == told.replace("\n", "").count(own.inner[:60])
