"""Pages of environments in a browser: written, opened, compared and tagged by keys alone, and no text of one runs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from httpx2 import Client
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser.chromium import DESKTOP, Browser
from tests.browser.conftest import TOKEN, Site, sign_in
from tests.browser.console_data import console_client
from tests.browser.environment_data import ENVIRONMENTS
from tests.browser.looks import await_parts, check
from tests.browser.test_keyboard import await_text, focus_selector, tab_to
from tests.pages.payloads import PAYLOADS

NAME = "written"
WRITTEN = f"/acme/esc/keys/{NAME}"


@pytest.fixture(autouse=True)
def signed_in(browser: Browser, site: Site) -> None:
    """The administrator, on a desktop in the light."""
    browser.resize(DESKTOP)
    browser.prefer("light")
    sign_in(browser, site)


@pytest.fixture
def open_page(browser: Browser, site: Site) -> Callable[[str], None]:
    """Open a page."""
    return lambda address: browser.open(site.url + address)


def editor_text(browser: Browser) -> str:
    """What the text area has, which is sent."""
    return str(browser.driver.execute_script("return document.querySelector('#definition').value"))


def test_by_keys_alone(browser: Browser, open_page: Callable[[str], None]) -> None:
    """Create, write with a mistake that is shown in place, save, open, reveal a secret, compare and tag."""
    open_page("/acme/esc")
    focus_selector(browser, "#new-project")
    browser.press_key("keys", Keys.TAB, NAME, Keys.ENTER)
    browser.await_address(f"{WRITTEN}/edit")
    focus_selector(browser, "definition-editor")
    # A new line is indented as the one before.
    browser.press_key("values:", Keys.ENTER, "  pw:", Keys.ENTER, "  fn::secret: hunter2", Keys.ENTER)
    browser.press_key(Keys.BACKSPACE, "copy: ${none}")
    assert "values:\n  pw:\n    fn::secret: hunter2\n  copy: ${none}" == editor_text(browser)
    await_text(browser, "Line 4: unknown property")
    assert asks_before_leaving(browser)
    script = "return document.querySelector('definition-editor').shadowRoot.querySelector('.problem').textContent"
    assert "none" in browser.driver.execute_script(script)
    check(browser, "environment-editor-problem")

    browser.press_key(*[Keys.BACKSPACE] * 5, "pw}")
    await_no_text(browser, "unknown property")
    tab_to(browser, "Save")
    browser.press_key(Keys.ENTER)
    await_text(browser, "The environment was saved.")
    open_page(f"{WRITTEN}/edit")
    assert not asks_before_leaving(browser)

    open_page(f"{WRITTEN}/preview")
    tab_to(browser, "Open environment")
    browser.press_key(Keys.ENTER)
    await_text(browser, "The environment is open")
    assert "hunter2" not in browser.text
    check(browser, "environment-opened")
    tab_to(browser, "Show pw")
    browser.press_key(Keys.ENTER)
    await_text(browser, "hunter2")

    open_page(f"{WRITTEN}/revisions")
    tab_to(browser, "Compare with 1")
    browser.press_key(Keys.ENTER)
    await_text(browser, "Revision 1 to revision 2")
    open_page(f"{WRITTEN}/revisions")
    focus_selector(browser, "#tag-name")
    browser.press_key("stable", Keys.ENTER)
    await_text(browser, "The revision was tagged.")
    assert "stable" in browser.find("main table").text


def asks_before_leaving(browser: Browser) -> bool:
    """Return whether the browser would ask before the page is left."""
    return not browser.driver.execute_script("return dispatchEvent(new Event('beforeunload', {cancelable: true}))")


def await_no_text(browser: Browser, text: str) -> None:
    """Wait until the page does not say a text."""
    WebDriverWait(browser.driver, 15).until(lambda _driver: text not in browser.text)


def test_completes_from_the_schema_of_a_provider(browser: Browser, site: Site, open_page: Callable[[str], None]) -> None:
    """Names of providers and of their inputs are offered, and Enter takes one."""
    make(site, "completed", "values:\n  a:\n    ")
    open_page("/acme/esc/keys/completed/edit")
    focus_selector(browser, "definition-editor")
    browser.press_key(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.END, "fn::open::aws-l")
    await_offer(browser, "fn::open::aws-login")
    browser.press_key(Keys.ENTER)
    browser.press_key(Keys.ENTER, "  oi")
    await_offer(browser, "oidc")
    browser.press_key(Keys.ENTER)

    assert "    fn::open::aws-login: \n      oidc: " in editor_text(browser)


def await_offer(browser: Browser, text: str) -> None:
    """Wait until the list of completions has a text."""
    script = (
        "return [...document.querySelector('definition-editor').shadowRoot.querySelectorAll('.cm-completionLabel')]"
        ".map((item) => item.textContent)"
    )
    WebDriverWait(browser.driver, 15).until(lambda driver: text in driver.execute_script(script))
    # What was just offered is not taken by Enter at once.
    time.sleep(0.2)


def make(site: Site, name: str, text: str) -> None:
    """Make an environment of project `keys`."""
    with console_client(site.url, TOKEN) as client:
        assert client.post(ENVIRONMENTS, json={"project": "keys", "name": name}).is_success
        save(client, name, text)


def save(client: Client, name: str, text: str) -> None:
    """Save a definition."""
    reply = client.patch(f"{ENVIRONMENTS}/keys/{name}", content=text, headers={"Content-Type": "application/x-yaml"})
    assert 200 == reply.status_code, reply.text


def test_no_text_runs(browser: Browser, site: Site) -> None:
    """More than a hundred payloads in names, values, comments and tags: none has run on any page, nor in the editor."""
    values = {payload[:400].replace("${", "$${"): payload.replace("${", "$${") for payload in PAYLOADS}
    comments = "".join(f"# {payload.splitlines()[0]}\n" for payload in PAYLOADS if payload.isprintable())
    make(site, "hostile", comments + json.dumps({"values": values}))
    with console_client(site.url, TOKEN) as client:
        save(client, "hostile", comments + json.dumps({"values": dict(list(values.items())[:50])}, indent=1))
        for number, payload in enumerate(PAYLOADS[:20]):
            body = {"name": f"t{number}", "value": payload[:200]}
            assert client.post(f"{ENVIRONMENTS}/keys/hostile/tags", json=body).is_success
        draft = client.post(f"{ENVIRONMENTS}/keys/hostile/drafts", content=json.dumps({"values": values}))
        request = draft.json()["changeRequestId"]
        text = {"comment": "\n".join(PAYLOADS)[:10_000]}
        assert client.post(f"/api/change-requests/acme/{request}/comments", json=text).is_success
        described = {"description": "\n".join(PAYLOADS[-60:])}
        assert client.patch(f"/api/change-requests/acme/{request}", json=described).is_success
    requests = ("/change-requests", f"/change-requests/{request}", f"/change-requests/{request}/edit")
    pages = (
        *requests,
        "",
        "/edit",
        "/preview",
        "/preview?version=2",
        "/revisions",
        "/revisions/2",
        "/revisions/compare",
        "/settings",
    )
    for page in ("/acme/esc?project=keys", *(f"/acme/esc/keys/hostile{page}" for page in pages)):
        browser.open(site.url + page)
        assert 200 == browser.status, page
        await_parts(browser)
        browser.driver.execute_script("for (const item of document.querySelectorAll('details')) item.open = true")
        assert browser.driver.execute_script("return window.pwned === undefined"), page
