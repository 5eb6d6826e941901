"""Signing in and out in a browser, and the sessions that come of it."""

import re
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from common.access import authentication as access
from common.access import tokens
from common.backend import Backend
from common.core.ids import new_id
from common.rights.caller import Caller, TokenKind
from common.sign_in.rate_limits import SIGN_IN_OF_CLIENT
from common.sign_in.sessions import service as sessions
from common.sign_in.sessions import steps as session_steps
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.people import ADMIN_TOKEN, make_token, make_user
from tests.factories.settings import with_settings
from tests.factories.sign_in import PASSWORD, opened, sign_up
from tests.factories.tokens import TOKENS, create
from tests.pages.visiting import Visit, cookies_of, location, shown, values

SETTINGS = "/settings/tokens"
ELSEWHERE = [
    "https://evil.example.com",
    "//evil.example.com",
    "/\\evil.example.com",
    "\\\\evil.example.com",
    "/%09/evil".replace("%09", "\t"),
    "javascript:alert(1)",
    "evil.example.com",
    "/\r\nSet-Cookie: a=b",
    "http:evil.example.com",
    " //evil.example.com",
]


class TestStart:
    def test_leads_strangers_to_the_sign_in_page(self, visit: Visit) -> None:
        """Who is not signed in is led to the sign-in page."""
        assert "/signin" == location(visit.get("/"))

    def test_leads_others_home(self, member: Visit) -> None:
        """Who is signed in is led to the home of an organization."""
        assert "/acme" == location(member.get("/"))


class TestSignInPage:
    def test_shows_the_ways_that_are_set_up(self, backend: Backend, admin: Caller) -> None:
        """There is a button for each provider with where to go afterwards, and a form for address and password."""
        there = with_settings(
            backend,
            GITHUB_OAUTH_ID="x",
            GITHUB_OAUTH_SECRET="y",
            STACKHOLD_OIDC_ISSUER="https://id.example.com",
            STACKHOLD_OIDC_CLIENT_ID="z",
            STACKHOLD_OIDC_NAME="Acme <ID>",
        )
        page = Visit(there).get("/signin", return_to="/settings?a=1&b=2")

        assert ["/signin/github?return_to=%2Fsettings%3Fa%3D1%26b%3D2", "/signin/oidc?return_to=%2Fsettings%3Fa%3D1%26b%3D2"] == [
            *values(page, r'href="(/signin/[^"]*)"')
        ]
        assert "Continue with Acme <ID>" in shown(page)
        assert 'autocomplete="current-password"' in page.text

    def test_hides_the_password_form_when_it_is_off(self, backend: Backend, admin: Caller) -> None:
        """With e-mail sign-in switched off there is no form for it, and the token's stands open in its place."""
        page = Visit(with_settings(backend, PULUMI_DISABLE_EMAIL_LOGIN="true")).get("/signin")

        assert 'name="password"' not in page.text
        assert 'name="token"' in page.text
        assert "With an access token" not in page.text

    def test_leads_on_who_is_signed_in(self, member: Visit) -> None:
        """Anyone who is signed in already goes where they wanted to go."""
        assert "/settings" == location(member.get("/signin", return_to="/settings"))

    def test_leads_nowhere_else(self, backend: Backend, visit: Visit) -> None:
        """An address of another host is dropped: in the form, after the sign-in, and for anyone who is signed in."""
        visit.sign_in()
        stranger, key = Visit(backend), visit.form_key(SETTINGS)
        for return_to in ELSEWHERE:
            page = stranger.get("/signin", return_to=return_to)
            signed_in = visit.get("/signin", return_to=return_to)
            response = visit.send("/signin/token", form_key=key, token=ADMIN_TOKEN, return_to=return_to)
            key = visit.form_key(SETTINGS)

            assert {SETTINGS} == set(values(page, r'name="return_to" value="([^"]*)"')), return_to
            assert (SETTINGS, SETTINGS) == (location(signed_in), location(response)), return_to

    def test_asks_the_database_nothing(self, visit: Visit, counter: Counter) -> None:
        """The page costs a stranger no statement once the server's keys are known."""
        visit.get("/signin")
        counter.reset()
        visit.get("/signin")

        assert 0 == counter.statements


class TestSignInByToken:
    def test_makes_a_session(self, visit: Visit) -> None:
        """A personal token is taken for a session, which is a secret of its own."""
        response = visit.sign_in(return_to="/settings")

        assert "/settings" == location(response)
        assert "admin" in shown(visit.get("/settings"))
        assert ADMIN_TOKEN not in visit.session

    def test_cookie_is_kept_from_others(self, visit: Visit) -> None:
        """The cookie is for this host alone, hidden from scripts, not sent with foreign forms, and ends with the session."""
        session, ended_visit = cookies_of(visit.sign_in())

        assert {"HttpOnly", "Max-Age=43200", "Path=/", "SameSite=lax"} == {part.strip() for part in session.split(";")[1:]}
        assert ended_visit.startswith("stackhold-visit=")
        assert "Max-Age=0" in ended_visit

    def test_cookie_is_secure_over_https(self, backend: Backend, admin: Caller) -> None:
        """Over HTTPS browsers send it over HTTPS alone, and take it from this host alone."""
        there = with_settings(backend, PULUMI_CONSOLE_DOMAIN="app.example.com")
        session, ended_visit = cookies_of(Visit(there, "https://app.example.com").sign_in())

        assert session.startswith("__Host-stackhold=")
        assert session.endswith("; Secure")
        assert ended_visit.startswith("__Host-stackhold-visit=")
        assert "Domain" not in session

    @pytest.mark.parametrize("text", ["", "pul-", "pul-" + "0" * 40, "x" * 60_000, "pul-" + "é" * 40, "\x00", ADMIN_TOKEN + "0"])
    def test_refuses_what_is_no_good_token(self, visit: Visit, text: str) -> None:
        """A text that is no token of a user's is refused on the page, without repeating it."""
        response = visit.sign_in(text)

        assert 401 == response.status_code
        assert "This access token is not valid; copy the whole token again" in shown(response)
        assert 'role="alert"' in response.text
        assert len(text) < 10 or text not in response.text
        assert not visit.is_signed_in()

    def test_refuses_machines(self, client: TestClient, visit: Visit) -> None:
        """An organization's token signs no one in."""
        made = create(client, TOKENS, name="ci", description="", expires=0)
        response = visit.sign_in(made["tokenValue"])

        assert 403 == response.status_code
        assert "not a personal access token" in shown(response)
        assert not visit.is_signed_in()

    def test_refuses_tokens_of_identity_tokens(self, backend: Backend, admin: Caller, visit: Visit) -> None:
        """What was given to a job on a person's behalf does not become a session, which could make lasting tokens."""
        now = backend.clock.now()
        with backend.db.begin() as tx:
            owner = access.TokenOwner(admin.user_id, admin.memberships[0].org_id, issuer_id=new_id(), is_personal=True)
            exchanged = tokens.issue_token(
                tx,
                owner,
                name="job",
                description="",
                created_by=admin.user_id,
                now=now,
                expires_at=now + timedelta(hours=1),
            )

        assert 403 == visit.sign_in(exchanged.text).status_code
        assert not visit.is_signed_in()

    def test_refuses_the_secret_of_a_session(self, backend: Backend, member: Visit) -> None:
        """A session's secret, taken out of its cookie, is no token."""
        secret = member.session.partition(".")[0]

        assert 401 == Visit(backend).sign_in(secret).status_code
        assert 401 == member.client.get("/api/user", headers={"Authorization": f"token {secret}"}).status_code

    def test_refuses_expired_and_revoked_tokens(self, backend: Backend, admin: Caller, visit: Visit, clock: FrozenClock) -> None:
        """A token that has ended signs no one in."""
        with backend.db.begin() as tx:
            short = make_token(tx, backend, admin.user_id, expires_at=clock.now() + timedelta(minutes=1))
            revoked = make_token(tx, backend, admin.user_id)
            tokens.revoke_token(tx, revoked.id, TokenKind.PERSONAL, admin.user_id, clock.now())
        clock.pass_seconds(120)

        assert [401, 401] == [visit.sign_in(token.text).status_code for token in (short, revoked)]

    def test_counts_failures(self, visit: Visit, backend: Backend) -> None:
        """After many failures from one place it waits; those that succeed are not counted."""
        visit.client = TestClient(visit.client.app, client=("203.0.113.7", 1), follow_redirects=False)
        wrong = "pul-" + "0" * 40
        key = visit.form_key()
        codes = [visit.send("/signin/token", form_key=key, token=wrong).status_code for _ in range(SIGN_IN_OF_CLIENT.tries + 1)]
        last = visit.send("/signin/token", form_key=key, token=ADMIN_TOKEN)

        assert [401] * SIGN_IN_OF_CLIENT.tries + [429] == codes
        assert 429 == last.status_code
        assert 0 < int(last.headers["Retry-After"]) <= SIGN_IN_OF_CLIENT.window_seconds
        assert "Too many tries" in shown(last)
        assert 303 == Visit(backend).sign_in().status_code


class TestSessions:
    def test_is_new_at_each_sign_in(self, backend: Backend, visit: Visit) -> None:
        """A sign-in never goes on with the session or the visit that the browser came with, and ends that session."""
        visit.sign_in()
        first = visit.session
        visit.client.cookies.set("stackhold-visit", "planted", domain="testserver.local")
        visit.send("/signin/token", on=SETTINGS, token=make_user(backend, "alice"))
        other = Visit(backend)
        other.client.cookies.set("stackhold", first)

        assert visit.session != first
        assert "alice" in shown(visit.get("/settings"))
        assert not other.is_signed_in()

    def test_planted_session_is_dropped(self, visit: Visit) -> None:
        """A cookie that was planted before the sign-in does not become the session."""
        visit.client.cookies.set("stackhold", "pul-" + "ab" * 20 + "." + "0" * 64, domain="testserver.local")
        visit.sign_in()

        assert "ab" * 20 not in visit.session
        assert visit.is_signed_in()

    @pytest.mark.parametrize("cookie", ["", "x", ".", "pul-" + "0" * 40 + "." + "0" * 64, "a" * 4000, "é.é"])
    def test_forged_cookie_costs_no_statement(self, backend: Backend, visit: Visit, counter: Counter, cookie: str) -> None:
        """A cookie that was not signed here is refused without asking the database."""
        visit.sign_in()
        counter.reset()
        response = Visit(backend).client.get("/settings", headers={b"Cookie": f"stackhold={cookie}".encode("latin-1")})

        assert "/signin?return_to=%2Fsettings" == location(response)
        assert 0 == counter.statements

    def test_ends_with_its_time(self, member: Visit, clock: FrozenClock) -> None:
        """After twelve hours the browser signs in again, whatever it was used for."""
        clock.pass_seconds(11 * 3600 + 59 * 60)
        before = member.is_signed_in()
        clock.pass_seconds(120)

        assert (True, False) == (before, member.is_signed_in())

    def test_ends_with_all_sessions_of_the_person(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """What revokes a person's sessions ends them at once, in every browser, and leaves their tokens."""
        with backend.db.begin() as tx:
            tokens.revoke_sessions(tx, admin.user_id, backend.clock.now())

        assert not member.is_signed_in()
        assert access.authenticate(backend, f"token {ADMIN_TOKEN}").login == "admin"

    def test_first_session_of_an_installation(self, backend: Backend, admin: Caller) -> None:
        """The key of sessions may have to be made with the first of them: it is not made inside the transaction."""
        with backend.db.begin() as tx:
            secret = session_steps.start(tx, backend, admin.user_id, provider="token")

        assert "admin" == sessions.authenticate(backend, sessions.cookie(backend, secret)).login


class TestSignOut:
    def test_ends_the_session_on_the_server(self, backend: Backend, member: Visit) -> None:
        """A signed-out session is good nowhere, also for anyone who kept a copy of its cookie."""
        copy = Visit(backend)
        copy.client.cookies.set("stackhold", member.session)
        known = copy.is_signed_in()
        response = member.send("/signout", on="/settings")

        assert known
        assert "/signin" == location(response)
        assert "" == member.session
        assert not copy.is_signed_in()

    def test_is_no_link(self, member: Visit) -> None:
        """No one is signed out by an address that they open."""
        assert 405 == member.get("/signout").status_code
        assert member.is_signed_in()

    def test_twice_is_once(self, member: Visit) -> None:
        """A second sign-out, of another tab, leads to the sign-in page as the first."""
        key = member.form_key("/settings")
        session = member.session
        member.send("/signout", form_key=key)
        member.client.cookies.set("stackhold", session, domain="testserver.local")

        assert "/signin" == location(member.send("/signout", form_key=key))


class TestOrganization:
    def test_leads_to_its_provider(self, visit: Visit) -> None:
        """The page goes on by itself, with where to go afterwards."""
        page = visit.get("/signin/organization", org="acme", return_to="/settings?a=1")

        assert 200 == page.status_code
        assert 'content="0; url=/signin/sso/acme?return_to=%2Fsettings%3Fa%3D1"' in page.text

    @pytest.mark.parametrize("org", ["", "a/b", "../x", "acme?", '"><b>', "a" * 41])
    def test_refuses_what_is_no_name(self, visit: Visit, org: str) -> None:
        """A text that can be no organization's name leads nowhere."""
        assert 400 == visit.get("/signin/organization", org=org).status_code


class TestAsset:
    def test_is_kept_for_ever_by_its_hash(self, visit: Visit) -> None:
        """The style sheet and the script that a page names are kept for ever; the addresses of another release's are not."""
        page = visit.get("/signin")
        (sheet,), (script,) = values(page, r'rel="stylesheet" href="([^"]*)"'), values(page, r'<script src="([^"]*)"')

        for address, kind in ((sheet, "text/css"), (script, "text/javascript")):
            ours, other = visit.get(address), visit.get(f"/assets/0123456789abcdef{address[address.rindex('.') :]}")
            assert f"{kind}; charset=utf-8" == ours.headers["content-type"]
            assert "public, max-age=31536000, immutable" == ours.headers["cache-control"]
            assert "no-store" == other.headers["cache-control"]
            assert ours.text == other.text

    def test_licences_stand_beside(self, visit: Visit) -> None:
        """What the script is made of beside our own code is named with its licence."""
        assert "htmx.org 4" in visit.get("/assets/licences.txt").text

    @pytest.mark.parametrize("name", ["manifest.json", "x", "x.map", "..%2fbase.html", "licences.txt.js.txt"])
    def test_is_nothing_else(self, visit: Visit, name: str) -> None:
        """No other file is served."""
        assert 404 == visit.get(f"/assets/{name}").status_code


class TestSignIn:
    def test_makes_a_session(self, backend: Backend, admin: Caller) -> None:
        """An address or a login with its password makes a session, and leads to where one wanted to go."""
        there, _ = opened(backend)
        sign_up(there)
        found = []
        for name in ("alice", "alice@example.com"):
            visit = Visit(there)
            response = visit.send("/signin", on="/signin", name=name, password=PASSWORD, return_to="/settings")
            found.append((location(response), "alice" in shown(visit.get("/settings"))))

        assert [("/settings", True)] * 2 == found

    def test_says_what_is_wrong_and_nothing_more(self, backend: Backend, admin: Caller) -> None:
        """A wrong password and an unknown name read the same; the page keeps where to go, and never the password."""
        there, _ = opened(backend)
        sign_up(there)
        visit = Visit(there)
        tries = [
            visit.send("/signin", on="/signin", name=name, password="Wr0ng-pass", return_to="/settings")
            for name in ("alice", "nobody")
        ]

        assert [401, 401] == [response.status_code for response in tries]
        assert 1 == len({re.sub(r'value="[^"]*"', "", response.text) for response in tries})
        assert "The name or the password is wrong" in shown(tries[0])
        assert "Wr0ng-pass" not in tries[0].text
        assert {"/settings"} == set(values(tries[0], r'name="return_to" value="([^"]*)"'))
        assert not visit.is_signed_in()

    def test_is_refused_when_it_is_off(self, backend: Backend, admin: Caller) -> None:
        """A form that comes although passwords are switched off is refused."""
        visit = Visit(with_settings(backend, PULUMI_DISABLE_EMAIL_LOGIN="true"))

        assert 403 == visit.send("/signin", on="/signin", name="admin", password="x").status_code
