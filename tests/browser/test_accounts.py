"""An account in a browser: made, looked at, its mail's link passed on by the administrator; an invitation accepted."""

from __future__ import annotations

import json

from tests.browser.chromium import Browser
from tests.browser.conftest import ORG, TOKEN, Site, sign_in
from tests.browser.looks import check
from tests.contract.sdk_scene import unique

PASSWORD = "correct horse battery"


def sign_up(browser: Browser, site: Site, login: str) -> None:
    """Fill the form in."""
    browser.open(f"{site.url}/signup")
    browser.fill("login", login)
    browser.fill("email", f"{login}@example.com")
    browser.fill("password", PASSWORD)
    browser.press("Create account")
    browser.await_address("/settings/account")


def link_for(browser: Browser, site: Site, login: str) -> str:
    """Return the link that the administrator makes for a user whose mail was not sent."""
    browser.forget()
    sign_in(browser, site)
    browser.open(f"{site.url}/admin/mails")
    browser.press(f"Create link for {login}@example.com")
    link = browser.find("#new-link").get_attribute("value") or ""
    check(browser, "mails-link")
    browser.forget()
    return link


def enter(browser: Browser, site: Site, login: str) -> None:
    """Signs in with the password."""
    browser.open(f"{site.url}/signin")
    browser.fill("name", login)
    browser.fill("password", PASSWORD)
    browser.press("Sign in")
    browser.await_address("/settings")


class TestAccount:
    def test_is_made_and_confirmed(self, browser: Browser, site: Site) -> None:
        """From the form to a confirmed address, each page usable on the way."""
        login = unique("user")
        sign_up(browser, site, login)
        unconfirmed = browser.text
        check(browser, "account-unconfirmed")
        link = link_for(browser, site, login)
        enter(browser, site, login)
        browser.open(link)
        browser.press("Confirm email")
        browser.await_address("done=confirmed")

        assert f"{login}@example.com (not confirmed)" in unconfirmed
        assert "Your email is confirmed." in browser.text
        assert "not confirmed" not in browser.text

    def test_refused_form_can_be_used(self, browser: Browser, site: Site) -> None:
        """A form that is refused says why, and keeps what was typed."""
        browser.open(f"{site.url}/signup")
        browser.fill("login", "no spaces")
        browser.fill("email", "someone@example.com")
        browser.fill("password", PASSWORD)
        browser.press("Create account")

        assert "Invalid owner name" in browser.find("[role=alert]").text
        assert "someone@example.com" == browser.find("#email").get_attribute("value")
        check(browser, "signup-refused")


class TestInvitation:
    def test_is_accepted(self, browser: Browser, site: Site) -> None:
        """A newcomer follows the link of an invitation into the organization."""
        login = unique("guest")
        body = json.dumps({"invites": [{"email": f"{login}@example.com", "role": "member"}]}).encode()
        status, _ = site.served.call(f"/api/orgs/{ORG}/invites/batch", token=TOKEN, body=body)
        link = link_for(browser, site, login)
        browser.open(link)
        check(browser, "invitation")
        browser.press("Create account")
        browser.fill("login", login)
        browser.fill("password", PASSWORD)
        browser.press("Create account")
        browser.await_address("/welcome")
        check(browser, "invitation-welcome-new")
        browser.open(f"{site.url}/settings")

        assert 200 == status
        assert ORG in browser.text
        assert f"{login}@example.com" in browser.text
