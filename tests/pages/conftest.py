"""A server with an administrator, and a browser that looks at it."""

import pytest

from common.backend import Backend
from common.rights.caller import Caller
from tests.pages.visiting import Visit


@pytest.fixture
def visit(backend: Backend, admin: Caller) -> Visit:
    """A browser that has never been here."""
    return Visit(backend)


@pytest.fixture
def member(visit: Visit) -> Visit:
    """A browser that the administrator is signed in with."""
    visit.sign_in()
    assert visit.is_signed_in()
    return visit
