"""What pages look like for a moment, or when something failed: menus, dialogs, a list that is fetched, failures of the server."""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import closing

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.chromium import DESKTOP, Browser
from tests.browser.conftest import Site
from tests.browser.looks import check

_LOADING = "document.querySelector('form.filters').classList.add('htmx-request')"
_MESSAGE = {
    "topic": "webhook",
    "target": "acme/announce",
    "subject": "acme/shop/prod",
    "dedupe_key": "given-up",
    "content": "{}",
    "state": "failed",
    "attempts": 8,
    "problem": "the receiver answers with status 503",
}


@pytest.fixture(autouse=True)
def _signed_in(browser: Browser, site: Site, places: dict[str, str], signed_in: None) -> None:
    """The administrator, on a desktop in the light, at the stacks."""
    assert places
    assert signed_in is None
    browser.resize(DESKTOP)
    browser.prefer("light")
    browser.open(f"{site.url}/acme/stacks")


def run_sql(site: Site, statement: str, values: dict[str, object]) -> None:
    """Change a row of the server's database."""
    with closing(sqlite3.connect(site.served.out.parent / ".stackhold" / "stackhold.db", timeout=30)) as connection:
        connection.execute(statement, values)
        connection.commit()


class TestFrame:
    @pytest.mark.parametrize("name", ["organizations", "account"])
    def test_open_menu_can_be_used(self, browser: Browser, name: str) -> None:
        """An open menu fits each width."""
        browser.find("details.menu" if name == "organizations" else "details.menu.right").find_element(
            "css selector", "summary"
        ).click()

        check(browser, f"menu-{name}")

    def test_palette_can_be_used(self, browser: Browser) -> None:
        """The palette lists pages, and the search for what was typed."""
        browser.find("body").send_keys(Keys.CONTROL, "k")
        browser.find("#palette[open] input").send_keys("se")

        assert "Search stacks for “se”" in browser.find("#palette").text
        check(browser, "palette")

    def test_palette_searches_stacks(self, browser: Browser) -> None:
        """What is no page is searched among stacks by Enter."""
        browser.find("body").send_keys(Keys.CONTROL, "k")
        browser.find("#palette[open] input").send_keys("ware", Keys.ENTER)

        browser.await_address("?q=ware")

    def test_list_of_keys_can_be_used(self, browser: Browser) -> None:
        """The list of keys fits each width."""
        browser.find("body").send_keys("?")

        check(browser, "shortcuts")

    def test_list_that_is_fetched_shows_it(self, browser: Browser) -> None:
        """A bar at the top moves while a list is fetched."""
        browser.driver.execute_script(_LOADING)
        bar = browser.driver.execute_script("return getComputedStyle(document.body, '::after').animationName")

        assert "loading" == bar
        check(browser, "stacks-loading")


class TestFailures:
    def test_message_that_was_given_up_can_be_retried(self, browser: Browser, site: Site) -> None:
        """The message is listed with its reason, and its button queues it again."""
        now = int(time.time() * 1000)
        times = {"created_at": now - 9_000_000, "due_at": now - 60_000, "finished_at": now - 60_000}
        row: dict[str, object] = {**_MESSAGE, **times}
        names = ", ".join(row)
        run_sql(site, f"INSERT INTO outbox ({names}) VALUES ({', '.join(f':{name}' for name in row)})", row)
        browser.open(f"{site.url}/admin/messages")
        check(browser, "admin-messages-failed")
        assert "The receiver answers with status 503" in browser.text
        browser.open(f"{site.url}/admin/doctor")
        assert re.search(r"[1-9]\d* messages? (was|were) given up\.", browser.text)
        browser.open(f"{site.url}/admin/messages")
        browser.press("Retry")

        assert "The message is delivered again" in browser.text

    def test_job_that_failed_is_named(self, browser: Browser, site: Site) -> None:
        """The list of jobs and the doctor say which job failed, and why."""
        # The job may have run before, or not yet.
        statement = (
            "INSERT INTO jobs (name, due_at, ended_at, problem) VALUES ('delete_unused_blobs', :now + 3600000, :now, :problem)"
            " ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at, ended_at = :now, problem = :problem"
        )
        run_sql(site, statement, {"problem": "StoreError", "now": int(time.time() * 1000)})
        browser.open(f"{site.url}/admin/jobs")
        check(browser, "admin-jobs-failed")
        assert "StoreError" in browser.text
        browser.open(f"{site.url}/admin/doctor")
        check(browser, "admin-doctor-failed")

        assert "delete_unused_blobs failed: StoreError" in browser.text
