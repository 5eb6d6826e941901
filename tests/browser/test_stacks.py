"""Pages of stacks in a browser: nothing keeps people from using them, and a running update is followed live."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser.chromium import DESKTOP, Browser
from tests.browser.conftest import TOKEN, Site, sign_in
from tests.browser.console_data import console_client, fill, step_events, summary_event
from tests.browser.test_pages import check
from tests.wire import LiveUpdate

URN = "urn:pulumi:prod::shop::aws:lambda/function:Function::function-1"
PAGES = {
    "home": "/acme",
    "home-first": "/admin/stacks",
    "stacks": "/acme/stacks",
    "stacks-updated": "/acme/stacks?sort=updated&q=payments",
    "stacks-none": "/acme/stacks?q=nothing",
    "stack": "/acme/shop/prod",
    "stack-never": "/acme/web/never",
    "updates": "/acme/shop/prod/updates",
    "update": "/acme/shop/prod/updates/2",
    "update-log": "/acme/shop/prod/updates/2?view=log#L3",
    "update-details": "/acme/shop/prod/updates/2?view=details",
    "update-failed": "/acme/shop/staging/updates/1",
    "update-live": "/acme/web/live/updates/1",
    "audit-log": "/acme/settings/audit-log",
    "audit-log-none": "/acme/settings/audit-log?user=nobody",
    "access": "/acme/shop/prod/access",
    "stack-settings": "/acme/shop/prod/settings",
    "previews": "/acme/shop/dev/previews",
    "resources": "/acme/shop/prod/resources",
    "resources-found": "/acme/shop/prod/resources?q=bucket",
    "resource": f"/acme/shop/prod/resource?urn={URN}",
    "resource-versions": f"/acme/shop/prod/resource/versions?urn={URN}",
    "graph": f"/acme/shop/prod/resources/graph?urn={URN}",
    "config": "/acme/shop/prod/config",
}


@pytest.fixture(scope="session")
def live(site: Site) -> Iterator[LiveUpdate]:
    """The update of web/live, which runs."""
    with console_client(site.url, TOKEN) as client:
        yield fill(client)


@pytest.fixture(autouse=True)
def signed_in(browser: Browser, site: Site, live: LiveUpdate) -> None:
    """The administrator, on a desktop in the light."""
    assert live.id
    browser.resize(DESKTOP)
    browser.prefer("light")
    sign_in(browser, site)


@pytest.mark.parametrize("name", PAGES)
def test_page_can_be_used(browser: Browser, site: Site, name: str) -> None:
    """A page has no serious fault, in the light and the dark, on every width."""
    browser.open(site.url + PAGES[name])

    check(browser, name)


@pytest.mark.parametrize("name", PAGES)
def test_page_can_be_read_without_script(browser: Browser, site: Site, name: str) -> None:
    """The same page says what it has to say when scripts are off."""
    browser.allow_script(allowed=False)
    try:
        browser.open(site.url + PAGES[name])
        text = browser.find("main").text
    finally:
        browser.allow_script(allowed=True)

    assert len(text) > 40


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
    browser.open(site.url + PAGES["resource"])
    browser.press("Show the versions")
    WebDriverWait(browser.driver, 10).until(lambda _driver: "Version 1 Created" in browser.find("[data-versions]").text)

    assert browser.address == site.url + PAGES["resource"]


def test_graph_is_walked_by_keys(browser: Browser, site: Site) -> None:
    """The chosen resource is the one to reach by Tab; an arrow key goes on to a neighbour, and Enter opens it."""
    browser.open(site.url + PAGES["graph"])
    chosen = browser.find(".graph-view a.node.chosen")
    others = browser.driver.find_elements("css selector", ".graph-view a.node[tabindex='-1']")
    browser.driver.execute_script("arguments[0].focus()", chosen)
    chosen.send_keys(Keys.ARROW_RIGHT)
    focused = browser.driver.switch_to.active_element
    name = (focused.get_attribute("textContent") or "").partition(" ")[0]

    assert 62 == len(others)
    assert name not in ("", "function-1")
    focused.send_keys(Keys.ENTER)
    browser.await_address("/resource?urn=")
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


def test_running_update_is_followed(browser: Browser, site: Site, live: LiveUpdate) -> None:
    """New steps appear by themselves, and the page says when the update has ended."""
    browser.open(f"{site.url}/acme/web/live/updates/1")
    assert "Running" in browser.find("#progress").text
    live.events(*step_events(["late-comer"], "create", 4))
    WebDriverWait(browser.driver, 15).until(lambda _driver: "late-comer" in browser.text)
    live.events(summary_event(9, update=1, create=2))
    live.complete()
    WebDriverWait(browser.driver, 15).until(lambda _driver: "Succeeded" in browser.find("#progress").text)

    WebDriverWait(browser.driver, 5).until(lambda _driver: "Finished at" in browser.find("#progress-note").text)
