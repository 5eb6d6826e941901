"""Runs every test that needs a database once for each dialect; `--database sqlite` leaves MySQL out.

A test names `backend` (tests/conftest.py), or `dialect` and `empty_place` for a database without tables.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from common.db.address import MySQL
from tests.mysql.shared import SharedServer, shared_server

DIALECTS = ("sqlite", "mysql")
NewDatabase = Callable[[], AbstractContextManager[dict[str, str]]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option."""
    parser.addoption("--database", default=",".join(DIALECTS), help="databases that tests run on, with commas")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker of tests that are about one database, and check the option."""
    config.addinivalue_line("markers", "dialects(*names): the databases that a test is about, where it is not about all")
    if unknown := set(_chosen(config)) - set(DIALECTS):
        raise pytest.UsageError(f"--database: {', '.join(sorted(unknown))} is none of {', '.join(DIALECTS)}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Multiplies the tests."""
    if "dialect" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("dialects")
    wanted = marker.args if marker else DIALECTS
    metafunc.parametrize("dialect", wanted, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out the databases that the option does not name; the closing lines of the run say how many tests that was."""
    chosen = _chosen(config)
    left_out = [item for item in items if isinstance(item, pytest.Function) and _dialect_of(item) not in (None, *chosen)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


@pytest.fixture(scope="session")
def dialect(request: pytest.FixtureRequest) -> str:
    """The database that the test runs on: `sqlite` or `mysql`."""
    return str(request.param)


@pytest.fixture(scope="session")
def mysql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedServer]:
    """A MySQL server that all test processes share."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "mysql"
    shared.mkdir(exist_ok=True)
    with shared_server(shared) as server:
        yield server


@pytest.fixture(scope="session")
def mysql_database(mysql_server: SharedServer) -> Iterator[str]:
    """A database with all tables for the tests of this process, one after another: who uses it clears it first."""
    with mysql_server.migrated() as name:
        yield name


@pytest.fixture
def empty_place(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path | MySQL]:
    """Where a database without tables is."""
    if dialect == "sqlite":
        yield tmp_path / "empty.db"
        return
    server: SharedServer = request.getfixturevalue("mysql_server")
    with server.fresh() as name:
        yield server.place(name)


@pytest.fixture(scope="session")
def new_database(dialect: str, request: pytest.FixtureRequest) -> NewDatabase:
    """Make a database without tables for as long as its block lasts, and give the settings that lead there, if any do."""

    @contextmanager
    def make() -> Iterator[dict[str, str]]:
        if dialect == "sqlite":
            yield {}
            return
        server: SharedServer = request.getfixturevalue("mysql_server")
        with server.fresh() as name:
            yield server.settings(name)

    return make


def _dialect_of(item: pytest.Function) -> str | None:
    found = item.callspec.params.get("dialect") if hasattr(item, "callspec") else None
    return str(found) if found is not None else None


def _chosen(config: pytest.Config) -> list[str]:
    return [name for name in str(config.getoption("--database")).split(",") if name]
