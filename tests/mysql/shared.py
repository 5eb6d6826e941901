"""The test run's MySQL server, shared by its processes, and databases on it: an empty one, one with all tables."""

import fcntl
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pymysql

from common.db.address import MySQL
from common.db.engine import open_database
from common.db.migrate import migrate
from common.db.tables.metadata import METADATA
from tests.mysql.keeper import ADDRESS, USERS
from tests.reporting import missing_tool
from tools.debian import INSTALL_SECONDS
from tools.mysql import PASSWORD, USER

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class SharedServer:
    """A running server."""

    port: int
    version: str
    _migrated: list[MySQL] = field(default_factory=list)

    def place(self, database: str) -> MySQL:
        """Return where a database is."""
        return MySQL(HOST, self.port, database, USER, PASSWORD)

    def settings(self, database: str) -> dict[str, str]:
        """Return the settings that lead to a database."""
        return {
            "PULUMI_DATABASE_ENDPOINT": f"{HOST}:{self.port}",
            "PULUMI_DATABASE_NAME": database,
            "PULUMI_DATABASE_USER_NAME": USER,
            "PULUMI_DATABASE_USER_PASSWORD": PASSWORD,
        }

    def run(self, *statements: str, database: str | None = None) -> list[tuple[object, ...]]:
        """Run statements as the user who may do anything, and return the rows of the last one."""
        with closing(connect(self.port, database)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """Yield the name of a new empty database, which goes away again."""
        name = f"test_{uuid.uuid4().hex}"
        self.run(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin")
        try:
            yield name
        finally:
            self.run(f"DROP DATABASE IF EXISTS {name}")

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """Yield the name of a new database with all tables, which goes away again."""
        with self.fresh() as name:
            with closing(open_database(self.place(name), pool_size=1)) as database:
                migrate(database)
            yield name

    def clear(self, database: str) -> None:
        """Remove all rows, which is much faster than making the tables again."""
        self.run(*(f"DELETE FROM {table.name}" for table in METADATA.tables.values()), database=database)


def connect(port: int, database: str | None = None) -> "pymysql.Connection[pymysql.cursors.Cursor]":
    """Return a plain connection of the driver."""
    return pymysql.connect(
        host=HOST, port=port, user=USER, password=PASSWORD, database=database, autocommit=True, ssl_disabled=True
    )


@contextmanager
def shared_server(folder: Path) -> Iterator[SharedServer]:
    """Yield the server of this test run, whose processes have the folder in common; the first one starts it."""
    with (folder / USERS).open("ab") as users, (folder / "start.lock").open("ab") as start:
        fcntl.flock(users, fcntl.LOCK_SH)
        fcntl.flock(start, fcntl.LOCK_EX)
        if not (folder / ADDRESS).exists():
            _start_keeper(folder)
        fcntl.flock(start, fcntl.LOCK_UN)
        found = json.loads((folder / ADDRESS).read_text())
        if problem := found.get("problem"):
            missing_tool(problem)
        yield SharedServer(found["port"], found["version"])


def _start_keeper(folder: Path) -> None:
    keeper = subprocess.Popen(
        [sys.executable, "-m", "tests.mysql.keeper", str(folder)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + INSTALL_SECONDS
    while not (folder / ADDRESS).exists():
        assert keeper.poll() in (None, 0), f"the keeper of the MySQL server ended with {keeper.returncode}"
        assert time.monotonic() < deadline, "the MySQL server does not start"
        time.sleep(0.02)
    # It ends by itself, after this process at the earliest.
    keeper.returncode = 0
