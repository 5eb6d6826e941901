"""One SQLite backend for all tests of a module here: they share a world that takes seconds to build, and rewind it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.backend import Backend
from common.config.database import DATABASE_FILE
from common.config.settings import Settings
from common.ports.keys.local import create_key
from tests.clocks import FrozenClock
from tests.counting import open_counted_backend


@pytest.fixture(scope="module")
def shared_backend(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Backend]:
    """An opened backend on SQLite, with a folder of objects and a local key."""
    data = tmp_path_factory.mktemp("authorization")
    (data / "objects").mkdir()
    shutil.copyfile(migrated_database, data / DATABASE_FILE)
    create_key(data / "keys")
    opened = open_counted_backend(Settings({"STACKHOLD_DATA": str(data)}), FrozenClock())
    yield opened
    opened.close()
