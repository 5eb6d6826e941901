"""The console's header in a browser: menus, keys and the palette do what they say; without script every page can be read."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.chromium import DESKTOP, Browser
from tests.browser.conftest import Site, sign_in


@pytest.fixture(autouse=True)
def signed_in(browser: Browser, site: Site) -> None:
    """The administrator, on a desktop, at the settings."""
    browser.resize(DESKTOP)
    sign_in(browser, site)
    browser.open(f"{site.url}/settings")


def press_keys(browser: Browser, *keys: str) -> None:
    """Type keys one after another, outside of any field."""
    for key in keys:
        browser.find("body").send_keys(key)


class TestKeys:
    def test_slash_leads_to_the_search(self, browser: Browser) -> None:
        """The field for stacks has the focus, and no slash in it."""
        press_keys(browser, "/")

        field = browser.driver.switch_to.active_element
        assert ("q", "") == (field.get_attribute("name"), field.get_attribute("value"))

    def test_two_keys_lead_to_stacks(self, browser: Browser) -> None:
        """`g s` opens the stacks of the organization."""
        press_keys(browser, "g", "s")

        browser.await_address("/acme/stacks")

    def test_question_mark_shows_the_keys(self, browser: Browser) -> None:
        """The help lists what the page has, and Escape closes it."""
        press_keys(browser, "?")
        dialog = browser.find("#shortcuts[open]")

        assert "Stacks" in dialog.text
        assert "Search stacks" in dialog.text
        dialog.send_keys(Keys.ESCAPE)
        assert not dialog.is_displayed()

    def test_palette_goes_where_one_types(self, browser: Browser) -> None:
        """Ctrl+K, a few letters, Enter."""
        browser.find("body").send_keys(Keys.CONTROL, "k")
        browser.find("#palette[open] input").send_keys("access tok", Keys.ENTER)

        browser.await_address("/settings/tokens")


def test_menu_closes_with_escape(browser: Browser) -> None:
    """The account's menu opens by its button, and Escape closes it and gives the focus back."""
    menu = browser.find("details.menu.right")
    menu.find_element("css selector", "summary").send_keys(Keys.ENTER)
    assert browser.find("details.menu.right a[href='/settings']").is_displayed()
    browser.driver.switch_to.active_element.send_keys(Keys.ESCAPE)

    assert menu.get_attribute("open") is None
    assert "summary" == browser.driver.switch_to.active_element.tag_name


def test_times_are_relative_and_exact_on_hover(browser: Browser, site: Site) -> None:
    """A time reads "just now" and says the whole of it when pointed at."""
    browser.open(f"{site.url}/settings/tokens")
    time = browser.find("td time")

    assert time.text in ("just now", "now") or "ago" in time.text
    assert "20" in (time.get_attribute("title") or "")
