"""Organization acme with a SAML provider, and browsers."""

from collections.abc import Callable

import pytest

from common.backend import Backend
from common.rights.caller import Caller
from tests.factories.saml import set_provider
from tests.peers.saml_idp import Pair, make_pair, metadata
from tests.sign_in.saml.browser import Browser


@pytest.fixture
def pair() -> Pair:
    """What the provider signs with."""
    return make_pair("provider")


@pytest.fixture
def provided(backend: Backend, admin: Caller, pair: Pair) -> Backend:
    """A backend whose organization acme has a provider."""
    set_provider(backend, admin, metadata(pair))
    return backend


@pytest.fixture
def new_browser(provided: Backend, pair: Pair) -> Callable[[], Browser]:
    """Open browsers without cookies."""
    return lambda: Browser.fresh(provided, pair)


@pytest.fixture
def browser(new_browser: Callable[[], Browser]) -> Browser:
    """A browser."""
    return new_browser()
