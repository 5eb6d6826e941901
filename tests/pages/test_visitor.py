"""Forms are taken from our own pages alone, and sign-ins lead to our own pages alone."""

import re

import pytest

from common.backend import Backend
from common.rights.caller import Caller
from functions.pages.visitor import FIELDS_LIMIT, HOME, local_path
from tests.factories.settings import with_settings
from tests.pages.visiting import Visit, location, shown

OWN = {"description": "x", "days": "7"}
TOKENS = "/settings/tokens"
POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"


class TestFormKey:
    @pytest.mark.parametrize("key", ["", "x", "0" * 64, "é", "\x00", "a" * 60_000])
    def test_wrong_key_is_refused(self, member: Visit, key: str) -> None:
        """A form without the key of this session is refused, with words that help who was only slow."""
        response = member.send(TOKENS, OWN, form_key=key)

        assert 403 == response.status_code
        assert "go back, reload it and try again" in shown(response)

    def test_missing_key_is_refused(self, member: Visit) -> None:
        """A form that has no key is refused."""
        assert 403 == member.send(TOKENS, OWN).status_code

    def test_key_of_another_session_is_refused(self, backend: Backend, member: Visit) -> None:
        """An attacker's own key, of a session or of a visit, is not the victim's."""
        attacker = Visit(backend)
        of_visit = attacker.form_key()
        attacker.sign_in()

        assert 403 == member.send(TOKENS, OWN, form_key=of_visit).status_code
        assert 403 == member.send(TOKENS, OWN, form_key=attacker.form_key(TOKENS)).status_code

    def test_key_from_before_the_sign_in_is_refused(self, visit: Visit) -> None:
        """The key changes with the sign-in, so one that was seen before is of no use after it."""
        before = visit.form_key()
        visit.sign_in()

        assert 403 == visit.send(TOKENS, OWN, form_key=before).status_code

    def test_sign_in_needs_it_too(self, visit: Visit) -> None:
        """No one is signed in to another user's account by a foreign page."""
        assert 403 == visit.send("/signin/token", token="x", form_key="").status_code
        assert 403 == visit.send("/signin", name="x", password="y").status_code

    @pytest.mark.parametrize("body", [b"\xff", b"a=b&" * (FIELDS_LIMIT + 1), "é=1".encode()])
    def test_what_is_no_form_is_refused(self, member: Visit, body: bytes) -> None:
        """A body that is no form is a bad request."""
        assert 400 == member.client.post(TOKENS, content=body).status_code

    @pytest.mark.parametrize("path", [TOKENS, "/settings/tokens/revoke", "/cli-login"])
    def test_without_a_session_leads_to_the_sign_in_page(self, visit: Visit, path: str) -> None:
        """A form of a user who is not signed in, key or not, leads to the sign-in page."""
        assert "/signin?return_to=%2F" == location(visit.send(path))
        assert "/signin?return_to=%2F" == location(
            visit.send(path, on="/signin", headers={"Referer": "https://evil.example.com/x"})
        )


class TestOrigin:
    @pytest.mark.parametrize("path", ["/signin", "/signup", "/reset"])
    def test_that_is_no_address_is_not_ours(self, visit: Visit, path: str) -> None:
        """An origin that cannot be read, such as `http://[`, is refused as a stranger's, on every form."""
        assert 403 == visit.send(path, on="/signin", headers={"Origin": "http://["}).status_code

    def test_of_a_page_before_that_is_no_address(self, visit: Visit) -> None:
        """A page that no one can have come from leads to the start after the sign-in."""
        response = visit.send(TOKENS, on="/signin", headers={"Referer": "http://["})

        assert "/signin?return_to=%2F" == location(response)

    @pytest.mark.parametrize(
        "origin",
        [
            "https://evil.example.com",
            "null",
            "http://testserver.evil.example.com",
            "https://127.0.0.1:8080@evil.example.com",
            "file://",
            "x",
            "http://testserver:81",
        ],
    )
    def test_foreign_origin_is_refused(self, member: Visit, origin: str) -> None:
        """A form that a browser says comes from elsewhere is refused, even with the right key."""
        response = member.send(TOKENS, OWN, on=TOKENS, headers={"Origin": origin})

        assert 403 == response.status_code
        assert "not sent from a page of this server" in shown(response)

    @pytest.mark.parametrize(
        "headers",
        [
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
        ],
    )
    def test_foreign_site_is_refused(self, member: Visit, headers: dict[str, str]) -> None:
        """A browser that hides the origin still says whether it is another site's; a hidden origin is never ours."""
        assert 403 == member.send(TOKENS, OWN, on=TOKENS, headers=headers).status_code

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Origin": "http://testserver"},
            {"Origin": "http://127.0.0.1:8080"},
            {"Sec-Fetch-Site": "same-origin"},
        ],
    )
    def test_own_origin_is_taken(self, member: Visit, headers: dict[str, str]) -> None:
        """The address that is configured and the one that the browser asked are ours; old browsers say nothing."""
        assert 200 == member.send(TOKENS, OWN, on=TOKENS, headers=headers).status_code


class TestLocalPath:
    @pytest.mark.parametrize(
        "path", ["/", "/settings", "/cli-login?cliSessionPort=1234&x=%2F%2Fy", "/a/b#c", "/settings?next=//evil"]
    )
    def test_takes_paths_of_ours(self, path: str) -> None:
        """A path with or without a query leads to itself."""
        assert path == local_path(path)

    @pytest.mark.parametrize(
        "path",
        [
            "",
            "settings",
            "//evil.example.com",
            "///evil.example.com",
            "/\\evil.example.com",
            "\\/evil",
            "https://evil.example.com",
            "https:/evil",
            "javascript:alert(1)",
            "/\tevil",
            "/\nevil",
            "/\x00",
            " /settings",
            "/\u2028",
            "/" + "a" * 2000,
            "/a\\..\\b",
            "data:text/html,x",
            "/\u202e",
            "mailto:x",
        ],
    )
    def test_takes_nothing_else(self, path: str) -> None:
        """Anything that some browser could read as another place leads to the usual page."""
        assert HOME == local_path(path)
        assert "/x" == local_path(path, "/x")


class TestHeaders:
    @pytest.mark.parametrize(
        "path", ["/signin", "/welcome/cli", "/cli-login", "/settings/nothing", "/signin/organization?org=acme", "/signout"]
    )
    def test_every_page_keeps_scripts_and_frames_out(self, visit: Visit, path: str) -> None:
        """No page, also none that tells of a failure, runs a script, is framed, is stored, or names itself elsewhere."""
        headers = visit.get(path).headers

        assert POLICY == headers["content-security-policy"]
        assert ("nosniff", "DENY", "same-origin", "no-store") == (
            headers["x-content-type-options"],
            headers["x-frame-options"],
            headers["referrer-policy"],
            headers["cache-control"],
        )

    @pytest.mark.parametrize(
        ("domain", "expected"),
        [
            ("app.example.com", "max-age=15552000"),
            ("127.0.0.1:8080", None),
            ("localhost:8080", None),
            ("", None),
        ],
    )
    def test_https_is_asked_for_where_it_is(self, backend: Backend, admin: Caller, domain: str, expected: str | None) -> None:
        """Browsers are told to use HTTPS alone only where the pages are reached over it."""
        there = with_settings(backend, PULUMI_CONSOLE_DOMAIN=domain)

        assert expected == Visit(there).get("/signin").headers.get("strict-transport-security")

    def test_localhost_has_other_servers(self, backend: Backend, admin: Caller) -> None:
        """With a certificate for `localhost` the other programs of the same machine stay reachable over HTTP."""
        there = with_settings(
            backend,
            PULUMI_CONSOLE_DOMAIN="localhost:8080",
            API_TLS_CERTIFICATE="c.pem",
            API_TLS_PRIVATE_KEY="k.pem",
        )
        response = Visit(there, "https://localhost:8080").get("/signin")

        assert "strict-transport-security" not in response.headers
        assert response.headers["set-cookie"].startswith("__Host-stackhold-visit=")

    def test_pages_have_no_script_and_no_style_of_their_own(self, member: Visit) -> None:
        """What the policy would block is not there in the first place: the one script is a file of ours."""
        for path in ("/settings", TOKENS, "/welcome/cli", "/acme", "/acme/shop/dev", "/nothing/at/all"):
            text = member.client.get(path, headers={"Accept": "text/html"}).text
            assert 1 == len(re.findall("<script", text)) == len(re.findall(r'<script src="/assets/console-\w+\.js" defer>', text))
            assert not re.findall(r"\son[a-z]+=|javascript:", text)
            assert " style=" not in text
            assert "<style" not in text
