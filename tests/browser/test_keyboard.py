"""What people do on the pages, by keys alone: menus, dialogs, forms that Enter sends, boxes, and where the focus is afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser.chromium import DESKTOP, Browser, label
from tests.browser.conftest import TOKEN, Site
from tests.browser.walk import OF_STACKS

MOST_TABS = 200


@dataclass(frozen=True, slots=True)
class Form:
    """A page, a field of a form on it, what is typed there, and what the page says or its address has afterwards."""

    page: str
    field: str
    typed: str
    news: str


FORMS = (
    Form("/settings", "name", " Example", "?done=name"),
    Form("/settings/tokens", "description", "by keys", "Your new access token"),
    Form("/acme/settings/teams", "name", "by-keys", "by-keys"),
    Form("/acme/settings/tokens", "name", "by-keys", "Your new access token"),
    Form("/acme/settings/teams/payments/tokens", "name", "team-by-keys", "Your new access token"),
    Form("/acme/settings/teams/payments/settings", "display_name", " desk", "?done=texts"),
    Form("/acme/settings/teams/platform", "login", "{login}", "{login}"),
    Form("/acme/settings/teams/platform/stacks", "stack", "orders/prod", "orders/prod"),
    Form("/acme/settings/roles", "name", "By keys", "By keys"),
    Form("/acme/settings/check-access?login={login}&action=destroy", "stack", "orders/prod", "May {login}"),
    Form("/acme/settings/members", "q", "olga", "olga"),
    Form("/acme/settings/audit-log", "user", "olga", "o"),
    Form("/acme/shop/prod/access", "team", "payments", "payments"),
    Form("/admin/users", "q", "olga", "olga"),
    Form("/admin/organizations", "q", "acme", "acme"),
)


@pytest.fixture(autouse=True)
def _desktop(browser: Browser) -> None:
    """Each test begins on a desktop in the light."""
    browser.resize(DESKTOP)
    browser.prefer("light")


@pytest.fixture
def open_page(browser: Browser, site: Site, places: dict[str, str], signed_in: None) -> Callable[[str], None]:
    """Open a page as the administrator."""
    assert signed_in is None
    return lambda address: browser.open(site.url + address.format(**places))


def focused(browser: Browser) -> WebElement:
    """What has the focus."""
    return browser.driver.switch_to.active_element


def tab_to(browser: Browser, text: str) -> None:
    """Press Tab until what begins with a text, or the field with a name, has the focus."""
    for _ in range(MOST_TABS):
        browser.press_key(Keys.TAB)
        item = focused(browser)
        if item.get_attribute("name") == text or label(item).startswith(text):
            return
    raise AssertionError(f"the Tab key does not reach {text!r}")


def await_text(browser: Browser, text: str) -> None:
    """Wait until the page says a text."""
    # The old page goes while it is read.
    wait = WebDriverWait(browser.driver, 15, ignored_exceptions=[StaleElementReferenceException])
    wait.until(lambda _driver: text in browser.text, f"no {text!r} on {browser.address}")


class TestSignIn:
    def test_with_a_token(self, browser: Browser, site: Site) -> None:
        """The other ways to sign in unfold by Enter, and Enter sends the token."""
        browser.open(f"{site.url}/signin")
        tab_to(browser, "With an access token")
        browser.press_key(Keys.ENTER)
        tab_to(browser, "token")
        browser.press_key(TOKEN, Keys.ENTER)

        browser.await_address("/settings")

    def test_and_out(self, browser: Browser, site: Site) -> None:
        """The menu of the account opens by Enter, and its last button signs out."""
        self.test_with_a_token(browser, site)
        tab_to(browser, "admin")
        if "Organization" in (focused(browser).get_attribute("aria-label") or ""):
            tab_to(browser, "admin")
        browser.press_key(Keys.ENTER)
        tab_to(browser, "Sign out")
        browser.press_key(Keys.ENTER)

        browser.await_address("/signin")


class TestFrame:
    def test_skip_link_leads_past_the_header(self, browser: Browser, open_page: Callable[[str], None]) -> None:
        """After it the next stop is in the page's own part."""
        open_page("/acme/stacks")
        browser.press_key(Keys.TAB, Keys.ENTER)
        browser.press_key(Keys.TAB)

        assert "q" == focused(browser).get_attribute("name")
        assert "filter-q" == focused(browser).get_attribute("id")

    def test_palette_gives_the_focus_back(self, browser: Browser, open_page: Callable[[str], None]) -> None:
        """Arrow keys choose, Escape closes, and the focus is where it was."""
        open_page("/acme/stacks")
        tab_to(browser, "tag")
        focused(browser).send_keys(Keys.CONTROL, "k")
        browser.press_key("mem", Keys.ARROW_DOWN)
        chosen = label(focused(browser))
        browser.press_key(Keys.ESCAPE)

        assert "Members of acme" == chosen
        assert "tag" == focused(browser).get_attribute("name")

    def test_list_of_keys_closes_with_escape(self, browser: Browser, open_page: Callable[[str], None]) -> None:
        """The dialog has the focus while it is open, and the page has it afterwards."""
        open_page("/acme/stacks")
        browser.press_key("?")
        inside = browser.driver.execute_script("return document.activeElement.closest('dialog') !== null")
        browser.press_key(Keys.ESCAPE)
        tab_to(browser, "tag")

        assert inside
        assert not browser.find("#shortcuts").is_displayed()


class TestForms:
    @pytest.mark.parametrize("form", FORMS, ids=lambda form: form.page)
    def test_are_sent_by_enter(self, browser: Browser, site: Site, places: dict[str, str], signed_in: None, form: Form) -> None:
        """Tab reaches the field, and Enter in it sends the form."""
        assert signed_in is None
        browser.open(site.url + form.page.format(**places))
        focus_selector(browser, f"main [name={form.field}]:not([type=hidden])")
        browser.press_key(form.typed.format(**places), Keys.ENTER)

        if form.news.startswith("?"):
            browser.await_address(form.news)
        else:
            await_text(browser, form.news.format(**places))
        assert not browser.driver.find_elements("css selector", "[role=alert]")

    @pytest.mark.parametrize(
        ("page", "button", "news"),
        [
            ("/admin/doctor", "Test services", "A document was stored"),
            ("/admin/jobs", "Run now: delete_expired", "The job runs as soon as"),
            ("/acme/orders/prod/webhooks/announce", "Send a ping", "Announcements"),
            ("/acme/settings/invitations", "Renew for anyone", "The invitation was renewed"),
        ],
    )
    def test_of_a_button_are_sent_by_enter(
        self, browser: Browser, open_page: Callable[[str], None], page: str, button: str, news: str
    ) -> None:
        """Tab reaches the button, and Enter presses it."""
        open_page(page)
        tab_to(browser, button)
        browser.press_key(Keys.ENTER)

        await_text(browser, news)

    def test_revoke_after_unfolding(self, browser: Browser, open_page: Callable[[str], None]) -> None:
        """Enter unfolds the question, the next stop is the button that answers it."""
        open_page("/settings/tokens")
        focus_field(browser, "description")
        browser.press_key("to be revoked", Keys.ENTER)
        await_text(browser, "Your new access token")
        tab_to(browser, "Revoke to be revoked")
        browser.press_key(Keys.ENTER)
        browser.press_key(Keys.TAB)
        assert label(focused(browser)).startswith("Revoke now: to be revoked")
        browser.press_key(Keys.ENTER)

        await_text(browser, "The token was revoked.")

    def test_tags_of_all_stacks_of_a_page(self, browser: Browser, open_page: Callable[[str], None]) -> None:
        """Space in one box selects all rows, a second time clears them, and Enter sets the tag."""
        open_page("/acme/stacks?project=shop")
        focus_selector(browser, "[data-select-all]")
        browser.press_key(Keys.SPACE)
        await_text(browser, "3 of 3 selected")
        tab_to(browser, "stack")
        browser.press_key(Keys.SPACE)
        await_text(browser, "2 of 3 selected")
        assert browser.driver.execute_script("return document.querySelector('[data-select-all]').indeterminate")
        browser.press_key(Keys.SPACE)
        tab_to(browser, "Change tags")
        browser.press_key(Keys.ENTER)
        tab_to(browser, "name")
        browser.press_key("desk", Keys.TAB, "seven", Keys.ENTER)

        await_text(browser, "The tags of 3 stacks were changed.")


class TestFocusAfterAChange:
    def test_is_kept_by_filters(self, browser: Browser, open_page: Callable[[str], None]) -> None:
        """The list is replaced while one types; the field keeps the focus and what was typed."""
        open_page("/acme/stacks")
        focus_selector(browser, "#filter-q")
        browser.press_key("ware")
        browser.await_address("q=ware")
        browser.press_key("h")

        assert "wareh" == focused(browser).get_attribute("value")

    def test_goes_to_the_secret_that_is_shown(self, browser: Browser, open_page: Callable[[str], None]) -> None:
        """The button is replaced by the value, which gets the focus, so that Tab goes on from there."""
        open_page("/acme/shop/prod")
        tab_to(browser, "Show password")
        browser.press_key(Keys.ENTER)
        await_text(browser, "s3cret-value")

        assert "s3cret-value" in focused(browser).text
        assert "body" != focused(browser).tag_name

    def test_goes_to_the_versions_that_are_shown(self, browser: Browser, open_page: Callable[[str], None]) -> None:
        """The link is replaced by the list, which gets the focus."""
        open_page(OF_STACKS["resource"])
        tab_to(browser, "Show the versions")
        browser.press_key(Keys.ENTER)
        await_text(browser, "Version 1 Created")

        assert "resource-versions" == focused(browser).get_attribute("id")


def focus_field(browser: Browser, name: str) -> None:
    """Press Tab until a field of the page's own part has the focus."""
    focus_selector(browser, f"main [name={name}]:not([type=hidden])")


def focus_selector(browser: Browser, selector: str) -> None:
    """Press Tab until what matches a selector has the focus."""
    for _ in range(MOST_TABS):
        browser.press_key(Keys.TAB)
        if browser.driver.execute_script("return document.activeElement.matches(arguments[0])", selector):
            return
    raise AssertionError(f"the Tab key does not reach {selector}")
