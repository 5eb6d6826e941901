"""A server of its own whose pages are its console, and a browser to look at them with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from httpx2 import Client

from tests.browser.chromium import Browser
from tests.browser.console_data import console_client, fill
from tests.browser.organization_data import fill_organization
from tests.e2e.server import free_port
from tests.server.server_process import Served
from tests.wire import LiveUpdate, begin

TOKEN = "pul-" + "b0" * 20
ORG = "acme"


@dataclass(frozen=True, slots=True)
class Site:
    """The server's address, as people know it, and its process."""

    url: str
    served: Served

    @property
    def domain(self) -> str:
        """What PULUMI_CONSOLE_DOMAIN is on both sides."""
        return self.url.partition("//")[2]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with the first administrator, whose token is TOKEN, and organization acme."""
    port = free_port()
    domain = f"127.0.0.1:{port}"
    settings = {
        "STACKHOLD_BOOTSTRAP_TOKEN": TOKEN,
        "STACKHOLD_BOOTSTRAP_ORG": ORG,
        "PULUMI_CONSOLE_DOMAIN": domain,
        # Webhooks are sent to the server itself.
        "STACKHOLD_OUTBOUND_ALLOW": "127.0.0.1",
    }
    with Served(tmp_path_factory.mktemp("site"), "--port", str(port), **settings) as served:
        yield Site(f"http://{domain}", served)


@pytest.fixture(scope="session")
def opened_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests of a worker: its start takes a second."""
    opened = Browser(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.fixture
def browser(opened_browser: Browser) -> Iterator[Browser]:
    """A browser that has never been here."""
    yield opened_browser
    opened_browser.forget()
    opened_browser.open("about:blank")


@pytest.fixture(scope="session")
def live(site: Site) -> Iterator[LiveUpdate]:
    """An organization with stacks, and the update of web/live, which runs."""
    with console_client(site.url, TOKEN) as client:
        yield fill(client)


@pytest.fixture(scope="session")
def session(site: Site) -> dict[str, str]:
    """The cookies of the administrator, who has signed in."""
    with Client(base_url=site.url) as client:
        key = re.search(r'name="form_key" value="([^"]+)"', client.get("/signin").text)
        assert key is not None
        client.post("/signin/token", data={"form_key": key[1], "token": TOKEN})
        return dict(client.cookies)


@pytest.fixture(scope="session")
def places(site: Site, live: LiveUpdate, session: dict[str, str]) -> dict[str, str]:
    """An organization with everything that its pages show; the parts of their addresses."""
    assert live.id
    found = fill_organization(site.url, TOKEN)
    with console_client(site.url, TOKEN) as client:
        preview = begin(client, "/api/stacks/acme/shop/dev", dry_run=True)
        preview.complete()
    with Client(base_url=site.url, cookies=session, headers={"Accept": "text/html"}) as client:
        record = re.search(r'/audit-log/(\d[^"]*)"', client.get("/acme/settings/audit-log").text)
        assert record is not None
    return {**found, "preview": preview.id, "record": record[1]}


@pytest.fixture
def signed_in(browser: Browser, site: Site, session: dict[str, str]) -> None:
    """The administrator in the browser."""
    for name, value in session.items():
        browser.set_cookie(site.url, name, value)


def sign_in(browser: Browser, site: Site) -> None:
    """Sign the administrator in with the bootstrap token."""
    browser.open(f"{site.url}/signin")
    fill_token(browser)
    browser.await_address("/settings")


def fill_token(browser: Browser) -> None:
    """Fill in the form for access tokens on the sign-in page, which may be folded, and send it."""
    if not browser.find("input[name=token]").is_displayed():
        browser.press("With an access token")
    browser.fill("token", TOKEN)
    browser.press("Sign in with the token")
