"""Pages of stacks in a browser: nothing keeps people from using them, and a running update is followed live."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser.chromium import DESKTOP, Browser
from tests.browser.conftest import TOKEN, Site, sign_in
from tests.browser.console_data import console_client, step_events, summary_event
from tests.browser.looks import check
from tests.browser.walk import OF_STACKS
from tests.wire import LiveUpdate, begin, create_stack


@pytest.fixture(autouse=True)
def signed_in(browser: Browser, site: Site, live: LiveUpdate) -> None:
    """The administrator, on a desktop in the light."""
    assert live.id
    browser.resize(DESKTOP)
    browser.prefer("light")
    sign_in(browser, site)


def test_secret_is_shown_when_asked_for(browser: Browser, site: Site) -> None:
    """A secret output is hidden, and a click shows it in its place."""
    browser.open(f"{site.url}/acme/shop/prod")
    assert "s3cret-value" not in browser.driver.page_source
    browser.press("Show password")
    WebDriverWait(browser.driver, 10).until(lambda _driver: "s3cret-value" in browser.text)

    assert browser.address.endswith("/acme/shop/prod")


def test_list_is_narrowed_while_one_types(browser: Browser, site: Site) -> None:
    """The list and the address follow the field; a reload shows the same."""
    browser.open(f"{site.url}/acme/stacks")
    browser.find("#filter-q").send_keys("ware")
    browser.await_address("q=ware")

    assert "warehouse" in browser.find("#list").text
    assert "staging" not in browser.find("#list").text
    browser.driver.refresh()
    assert "staging" not in browser.find("#list").text


def test_versions_of_a_resource_are_shown_in_place(browser: Browser, site: Site) -> None:
    """A click puts the versions in which the resource changed into its page."""
    browser.open(site.url + OF_STACKS["resource"])
    browser.press("Show the versions")
    WebDriverWait(browser.driver, 10).until(lambda _driver: "Version 1 Created" in browser.find("[data-versions]").text)

    assert browser.address == site.url + OF_STACKS["resource"]


def test_graph_is_walked_by_keys(browser: Browser, site: Site) -> None:
    """The chosen resource is the one to reach by Tab; an arrow key goes on to a neighbour, and Enter opens it."""
    browser.open(site.url + OF_STACKS["graph"])
    chosen = browser.find(".graph-view a.node.chosen")
    others = browser.driver.find_elements("css selector", ".graph-view a.node[tabindex='-1']")
    browser.driver.execute_script("arguments[0].focus()", chosen)
    chosen.send_keys(Keys.ARROW_RIGHT)
    focused = browser.driver.switch_to.active_element
    name = (focused.get_attribute("textContent") or "").partition(" ")[0]

    assert 62 == len(others)
    assert name not in ("", "function-1")
    focused.send_keys(Keys.ENTER)
    browser.await_address("resource?urn=")
    assert name == browser.find("h1").text


def test_tags_of_chosen_stacks_are_set(browser: Browser, site: Site) -> None:
    """Boxes choose stacks, and one form sets a tag on them."""
    browser.open(f"{site.url}/acme/stacks?project=web")
    for box in browser.driver.find_elements("css selector", "input[name=stack]"):
        box.click()
    browser.press("Change tags of selected stacks")
    browser.find("#bulk-name").send_keys("cost-centre")
    browser.find("#bulk-value").send_keys("42")
    browser.press("Set tag")
    browser.await_address("tagged=2")

    assert "The tags of 2 stacks were changed." in browser.text
    assert 2 == browser.text.count("cost-centre: 42")
    check(browser, "stacks-tagged")


def test_running_update_is_followed(browser: Browser, site: Site) -> None:
    """New steps appear by themselves, and the page says when the update has ended."""
    with console_client(site.url, TOKEN) as client:
        # Its own update: the lease of one that began with the tests may have expired by now.
        update = begin(client, create_stack(client, "followed", project="web"))
        browser.open(f"{site.url}/acme/web/followed/updates/1")
        assert "Running" in browser.find("#progress").text
        update.events(*step_events(["late-comer"], "create", 4))
        WebDriverWait(browser.driver, 15).until(lambda _driver: "late-comer" in browser.text)
        update.events(summary_event(9, update=1, create=2))
        update.complete()
    WebDriverWait(browser.driver, 15).until(lambda _driver: "Succeeded" in browser.find("#progress").text)

    WebDriverWait(browser.driver, 5).until(lambda _driver: "Finished at" in browser.find("#progress-note").text)
