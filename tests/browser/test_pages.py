"""Sign-in, access tokens and invitations in a browser."""

from __future__ import annotations

import json

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.chromium import DESKTOP, Browser, label
from tests.browser.conftest import TOKEN, Site, sign_in
from tests.browser.looks import check


@pytest.fixture(autouse=True)
def _usual_look(browser: Browser) -> None:
    """Each test begins on a desktop in the light."""
    browser.resize(DESKTOP)
    browser.prefer("light")


class TestStrangers:
    def test_refused_sign_in_can_be_used(self, browser: Browser, site: Site) -> None:
        """What was wrong is said at the top, as an alert, and leads to its field."""
        browser.open(f"{site.url}/signin")
        browser.press("With an access token")
        browser.fill("token", "pul-" + "0" * 40)
        browser.press("Sign in with the token")
        browser.find("[role=alert]")

        assert "There is a problem" in browser.find("[role=alert]").text
        browser.find("[role=alert] a").click()
        assert "token" == browser.driver.switch_to.active_element.get_attribute("id")
        check(browser, "signin-refused")

    def test_organization_leads_to_its_provider(self, browser: Browser, site: Site) -> None:
        """The form for an organization gets past the policy of the page, which holds forms to places of our own."""
        browser.open(f"{site.url}/signin?return_to=/settings")
        browser.press("Through your organization")
        browser.fill("org", "acme")
        browser.press("Continue")
        browser.await_address("/signin/sso/acme")

        # The organization has no provider: its page says so.
        assert "its own identity provider" in browser.text
        check(browser, "sso-none", expected=(400, 404))

    def test_invitation_can_be_used(self, browser: Browser, site: Site) -> None:
        """An invitation shows who invites, to strangers and to anyone who is signed in."""
        body = json.dumps({"role": "member"}).encode()
        status, made = site.served.call("/api/orgs/acme/invites/link", token=TOKEN, body=body)
        assert 200 == status, made
        address = str(json.loads(made)["acceptInviteUrl"])
        browser.open(address)
        check(browser, "invitation")
        sign_in(browser, site)
        browser.resize(DESKTOP)
        browser.open(address)

        check(browser, "invitation-member")

    def test_keyboard_alone_is_enough(self, browser: Browser, site: Site) -> None:
        """The first stop of the Tab key leads past the header, and what has the focus shows it."""
        browser.open(f"{site.url}/signin")
        browser.find("body").send_keys(Keys.TAB)
        skip = browser.driver.switch_to.active_element

        assert "Skip to the content" == label(skip)
        assert skip.location["y"] >= 0
        assert "none" != skip.value_of_css_property("outline-style")


class TestPeople:
    def test_token_is_made_shown_once_and_revoked(self, browser: Browser, site: Site) -> None:
        """A token made on the page is shown, is good, is not shown again, and ends when it is revoked there."""
        sign_in(browser, site)
        browser.open(f"{site.url}/settings/tokens")
        browser.fill("description", "nightly <b>backup</b>")
        browser.press("Create access token")
        token = browser.find("#new-token").get_attribute("value") or ""
        check(browser, "tokens-made")
        good, _ = site.served.call("/api/user", token=token)
        browser.resize(DESKTOP)
        browser.open(f"{site.url}/settings/tokens")
        listed, source = browser.text, browser.driver.page_source
        browser.press("Revoke nightly")
        browser.press("Revoke now: nightly")
        browser.await_address("revoked")
        gone, _ = site.served.call("/api/user", token=token)

        assert 200 == good
        assert "nightly <b>backup</b>" in listed
        assert token not in source
        assert "The token was revoked." in browser.text
        assert "nightly" not in browser.text
        assert 401 == gone

    def test_sign_out_ends_the_session(self, browser: Browser, site: Site) -> None:
        """After a sign-out the pages ask to sign in again."""
        sign_in(browser, site)
        browser.find("details.menu.right summary").click()
        browser.press("Sign out")
        browser.await_address("/signin")
        browser.open(f"{site.url}/settings")

        assert browser.address.endswith("/signin?return_to=%2Fsettings")
