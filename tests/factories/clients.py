"""Makes clients of the whole application."""

from starlette.testclient import TestClient

from common.backend import Backend
from functions.http.app import create_app
from tests.factories.people import ADMIN_TOKEN


def make_client(backend: Backend, token: str = ADMIN_TOKEN) -> TestClient:
    """Return a client of a backend's application, signed in as the administrator or with another token."""
    return TestClient(create_app(backend), headers={"Authorization": f"token {token}"}, raise_server_exceptions=False)
