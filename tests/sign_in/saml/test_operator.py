"""What anyone who runs the installation does when an organization has locked itself out."""

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.errors import StartUpError
from functions.server import admin_commands
from tests.factories.people import make_user
from tests.factories.tokens import signed
from tests.sign_in.saml.browser import Browser
from tests.sign_in.saml.test_api import SAML, patch


def test_stop_requiring_saml(client: TestClient, backend: Backend, browser: Browser) -> None:
    """Members are let in again as without a provider, which stays set up."""
    make_user(backend, "alice", org="acme")
    browser.sign_in()
    client.post(f"{SAML}/admins/admin")
    patch(client, required=True)
    bob = make_user(backend, "bob", org="acme")
    before = client.get("/api/orgs/acme", headers=signed(bob)).status_code

    told = admin_commands.stop_requiring_saml(backend.settings, "acme")

    assert (401, 200) == (before, client.get("/api/orgs/acme", headers=signed(bob)).status_code)
    assert "acme" in told
    assert client.get(SAML).json()["idpSsoDescriptor"]


def test_of_no_organization(backend: Backend) -> None:
    """A name that is no organization's is told in one line."""
    with pytest.raises(StartUpError, match="there is no organization 'globex'"):
        admin_commands.stop_requiring_saml(backend.settings, "globex")
