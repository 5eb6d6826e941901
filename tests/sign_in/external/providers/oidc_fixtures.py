"""Fixtures of the tests of OpenID Connect; a test file names those it uses in its `__all__`."""

from collections.abc import Iterator

import pytest

from common.backend import Backend
from common.rights.caller import Caller
from tests.clocks import FrozenClock
from tests.peers.openid import OpenID
from tests.sign_in.browser import Browser, installed, people

HERE = "http://127.0.0.1:8080/signin/oidc/callback"


@pytest.fixture
def peer(clock: FrozenClock) -> Iterator[OpenID]:
    """A provider."""
    with OpenID(clock.now) as peer:
        yield peer


@pytest.fixture
def site(backend: Backend, admin: Caller, peer: OpenID) -> Backend:
    """An installation that knows the provider."""
    return installed(backend, **peer.settings())


@pytest.fixture
def browser(site: Backend) -> Browser:
    """A browser."""
    return Browser(site)


def refused(browser: Browser, status: int, *words: str) -> str:
    """Assert that a sign-in fails with a page that says why, and that no user is signed in or created; returns the page."""
    response = browser.sign_in("oidc")

    assert (status, None) == (response.status_code, browser.login), response.text
    assert [] == [word for word in words if word not in response.text]
    assert {} == people(browser.backend)
    return response.text
