"""Pages about an organization in a browser: nothing keeps people from using them, and no text of anyone runs."""

from __future__ import annotations

import pytest

from tests.browser.chromium import DESKTOP, Browser
from tests.browser.conftest import TOKEN, Site, sign_in
from tests.browser.console_data import console_client
from tests.browser.looks import check
from tests.browser.organization_data import call
from tests.pages.payloads import PAYLOADS

SETTINGS = "/acme/settings"


@pytest.fixture(autouse=True)
def signed_in(browser: Browser, site: Site, places: dict[str, str]) -> None:
    """The administrator, on a desktop in the light."""
    assert places
    browser.resize(DESKTOP)
    browser.prefer("light")
    sign_in(browser, site)


def test_token_is_shown_once(browser: Browser, site: Site) -> None:
    """A token that is created on the page is shown, with a button to copy it."""
    browser.open(f"{site.url}{SETTINGS}/tokens")
    browser.fill("name", "one-more")
    browser.press("Create access token")
    token = browser.find("#new-token").get_attribute("value") or ""
    check(browser, "org-token-created")
    status, _ = site.served.call("/api/user", token=token)

    assert 200 == status
    assert browser.find("[data-copy=new-token]").is_displayed()


def test_no_text_runs(browser: Browser, site: Site, places: dict[str, str]) -> None:
    """More than a hundred payloads in names and descriptions of teams, roles, tokens and filters: none has run."""
    with console_client(site.url, TOKEN) as client:
        for number, payload in enumerate(PAYLOADS):
            team = {"name": f"x{number}", "displayName": payload[:100], "description": payload}
            call(client, "POST", "/api/orgs/acme/teams/pulumi", team)
            role = {"name": f"{number}{payload}"[:200], "description": payload, "uxPurpose": "set", "resourceType": "stack"}
            details = {"__type": "PermissionDescriptorAllow", "permissions": ["stack:read"]}
            call(client, "POST", "/api/orgs/acme/roles", {**role, "details": details})
        call(
            client, "POST", "/api/orgs/acme/tokens", {"name": "hostile", "description": PAYLOADS[0], "expires": 0, "admin": False}
        )
    pages = ("teams", "teams?page=2", "teams/x0/settings", "roles?kind=set", f"roles/{places['role']}", "tokens", "check-access")
    for page in pages:
        browser.open(f"{site.url}{SETTINGS}/{page}")
        assert 200 == browser.status, page
        browser.driver.execute_script("for (const item of document.querySelectorAll('details')) item.open = true")
        assert browser.driver.execute_script("return window.pwned === undefined"), page
