"""Organization acme with a directory, and with a SAML provider where a test asks for a browser."""

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.rights.caller import Caller
from tests.sign_in.saml.conftest import browser, new_browser, pair, provided
from tests.sign_in.scim.directory_client import Directory

__all__ = ["browser", "directory", "new_browser", "pair", "provided"]


@pytest.fixture
def directory(backend: Backend, admin: Caller, client: TestClient) -> Directory:
    """Acme's directory."""
    return Directory.connect(backend, client, admin)
