"""A backend whose database stands behind a relay that counts trips and cuts connections."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from common.backend import Backend, open_backend
from common.config.settings import Settings
from common.ports.keys.local import create_key
from common.rights.caller import Caller
from functions.http.app import create_app
from tests.factories.people import ADMIN_TOKEN, make_admin
from tests.mysql.proxy import Wire, relayed
from tests.mysql.shared import HOST, SharedServer


@pytest.fixture
def wire(mysql_server: SharedServer) -> Iterator[Wire]:
    """The relay."""
    with relayed(mysql_server.port) as opened:
        yield opened


@pytest.fixture
def relayed_backend(wire: Wire, mysql_server: SharedServer, mysql_database: str, tmp_path: Path) -> Iterator[Backend]:
    """The backend, with the administrator and organization acme."""
    mysql_server.clear(mysql_database)
    (tmp_path / "objects").mkdir()
    create_key(tmp_path / "keys")
    settings = {**mysql_server.settings(mysql_database), "PULUMI_DATABASE_ENDPOINT": f"{HOST}:{wire.port}"}
    opened = open_backend(Settings({"STACKHOLD_DATA": str(tmp_path), **settings}))
    make_admin(opened)
    wire.trips.clear()
    yield opened
    opened.close()


@pytest.fixture
def relayed_admin(relayed_backend: Backend) -> Caller:
    """The administrator."""
    return make_admin(relayed_backend)


@pytest.fixture
def relayed_client(relayed_backend: Backend) -> Iterator[TestClient]:
    """A client of the whole application, signed in as the administrator."""
    headers = {"Authorization": f"token {ADMIN_TOKEN}"}
    with TestClient(create_app(relayed_backend), headers=headers, raise_server_exceptions=False) as opened:
        yield opened
