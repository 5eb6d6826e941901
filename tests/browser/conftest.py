"""A server of its own whose pages are its console, and a browser to look at them with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.browser.chromium import Browser
from tests.e2e.server import free_port
from tests.server.server_process import Served

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


def sign_in(browser: Browser, site: Site) -> None:
    """Signs the administrator in with the bootstrap token."""
    browser.open(f"{site.url}/signin")
    fill_token(browser)
    browser.await_address("/settings")


def fill_token(browser: Browser) -> None:
    """Fill in the form for access tokens on the sign-in page, which may be folded, and send it."""
    if not browser.find("input[name=token]").is_displayed():
        browser.press("With an access token")
    browser.fill("token", TOKEN)
    browser.press("Sign in with the token")
