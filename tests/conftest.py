"""Fixtures that most tests share: an opened backend on a fresh database, a client of the whole application, a counter."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.config.database import DATABASE_FILE
from common.config.settings import Settings
from common.db.engine import open_database
from common.db.migrate import migrate
from common.ports.keys.local import create_key
from common.rights.caller import Caller
from tests.clocks import FrozenClock
from tests.counting import Counter, counted, open_counted_backend
from tests.factories.clients import make_client
from tests.factories.people import make_admin
from tests.secrecy import Watch, note_settings


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables and no rows, made once and copied for each test."""
    path = tmp_path_factory.mktemp("template") / DATABASE_FILE
    database = open_database(path, pool_size=1)
    migrate(database)
    with database.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=DELETE")
    database.close()
    return path


@pytest.fixture(autouse=True)
def secrecy() -> Iterator[Watch]:
    """No test lets a secret out: in a log line, a traceback or the body of a refusal."""
    watch = Watch()
    with watch.watching():
        yield watch
    assert [] == watch.found()


@pytest.fixture
def clock() -> FrozenClock:
    """The backend's clock."""
    return FrozenClock()


@pytest.fixture
def backend(dialect: str, tmp_path: Path, clock: FrozenClock, request: pytest.FixtureRequest) -> Iterator[Backend]:
    """An opened backend on each database, with a folder of objects and a local key."""
    data = tmp_path / "data"
    (data / "objects").mkdir(parents=True)
    settings = {"STACKHOLD_DATA": str(data)}
    if dialect == "sqlite":
        shutil.copyfile(request.getfixturevalue("migrated_database"), data / DATABASE_FILE)
    else:
        server, database = request.getfixturevalue("mysql_server"), request.getfixturevalue("mysql_database")
        server.clear(database)
        settings |= server.settings(database)
    create_key(data / "keys")
    note_settings(settings)
    opened = open_counted_backend(Settings(settings), clock)
    yield opened
    opened.close()


@pytest.fixture
def admin(backend: Backend) -> Caller:
    """The administrator of organization acme."""
    return make_admin(backend)


@pytest.fixture
def client(backend: Backend, admin: Caller) -> Iterator[TestClient]:
    """A client of the whole application, signed in as the administrator."""
    assert admin.login == "admin"
    with make_client(backend) as opened:
        yield opened


@pytest.fixture
def counter(backend: Backend) -> Iterator[Counter]:
    """Count the backend's statements, blob calls and key calls."""
    with counted(backend) as counter:
        yield counter
