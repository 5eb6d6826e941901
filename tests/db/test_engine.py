import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.errors import StartUpError, Unavailable
from common.db.engine import Database, ensure_private, open_database
from common.db.faults import is_duplicate
from common.db.tables.installation import service_keys
from common.db.tables.metadata import METADATA
from tests.wire import create_stack, error_of

pytestmark = pytest.mark.dialects("sqlite")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A database with all tables, on one pooled connection that waits for no one."""
    opened = open_database(tmp_path / "test.db", pool_size=1)
    METADATA.create_all(opened.engine)
    impatient(opened)
    yield opened
    opened.close()


@pytest.fixture
def other(database: Database, tmp_path: Path) -> Iterator[Database]:
    """The same file, as another process has it open."""
    opened = open_database(tmp_path / "test.db", pool_size=1)
    impatient(opened)
    yield opened
    opened.close()


def impatient(database: Database) -> None:
    """Make the pooled connection give up at once on a lock."""
    with database.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=20")


def add(connection: Connection, name: str) -> None:
    """Insert a row."""
    connection.execute(insert(service_keys).values(name=name, wrapped_key=b"x", created_at=0))


def add_twice(connection: Connection, name: str) -> None:
    """Insert a row and then fail, as it is there already."""
    add(connection, name)
    add(connection, name)


def names(database: Database) -> list[str]:
    """Return the names of all rows."""
    with database.connect() as connection:
        return list(connection.scalars(select(service_keys.c.name).order_by(service_keys.c.name)))


class TestConnect:
    def test_commits_each_statement(self, database: Database, other: Database) -> None:
        """A single statement is visible to everyone at once, also when the block ends in an exception."""
        with pytest.raises(IntegrityError), database.connect() as connection:
            add_twice(connection, "a")

        assert ["a"] == names(other)

    def test_sends_no_transaction(self, database: Database) -> None:
        """One statement is one trip: there is no BEGIN and no lock that outlives it."""
        with database.connect() as connection:
            add(connection, "a")
            driver = connection.connection.dbapi_connection

            assert driver is not None
            assert not driver.in_transaction

    def test_leaves_a_clean_connection_behind(self, database: Database) -> None:
        """A connection goes back to the pool with no open transaction, whatever happened."""
        with pytest.raises(IntegrityError), database.begin() as tx:
            add_twice(tx, "a")
        with database.connect() as connection:
            assert not connection.connection.dbapi_connection.in_transaction  # type: ignore[union-attr]

        assert [] == names(database)


class TestBegin:
    def test_is_all_or_nothing(self, database: Database) -> None:
        """A transaction commits at its end, and an exception undoes all of it and passes on."""
        with database.begin() as tx:
            add(tx, "a")
            add(tx, "b")
        with pytest.raises(IntegrityError), database.begin() as tx:
            add_twice(tx, "c")

        assert ["a", "b"] == names(database)

    def test_is_not_seen_before_its_end(self, database: Database, other: Database) -> None:
        """Others see what was there before."""
        with database.begin() as tx:
            add(tx, "a")
            assert [] == names(other)

        assert ["a"] == names(other)

    def test_takes_the_write_lock_at_once(self, database: Database, other: Database) -> None:
        """A transaction that reads first is a writer from its beginning: it waits there, and never fails half-way."""
        with database.begin() as tx:
            tx.execute(select(service_keys.c.name)).all()
            with pytest.raises(Unavailable), other.connect() as connection:
                add(connection, "other")
            add(tx, "a")

        assert ["a"] == names(database)

    def test_waits_for_another_writer(self, database: Database, tmp_path: Path) -> None:
        """A second transaction waits for the first one and then sees what that one wrote."""
        patient = open_database(tmp_path / "test.db", pool_size=1)
        started, seen = threading.Event(), list[str]()

        def second() -> None:
            started.set()
            with patient.begin() as tx:
                seen.extend(tx.scalars(select(service_keys.c.name)))

        waiting = threading.Thread(target=second)
        with database.begin() as tx:
            waiting.start()
            started.wait(5)
            add(tx, "a")
        waiting.join(10)
        patient.close()

        assert ["a"] == seen


class TestFaults:
    def test_of_a_lock_are_503(self, database: Database, other: Database) -> None:
        """A database that stays locked is an error that may be repeated, and nothing was written."""
        with database.begin() as tx:
            add(tx, "a")
            for attempt in (other.begin, other.connect):
                with pytest.raises(Unavailable) as caught, attempt() as connection:
                    add(connection, "b")
                assert "locked" not in caught.value.message

        assert ["a"] == names(database)

    def test_of_a_lock_reach_the_client_as_503(self, client: TestClient, backend: Backend) -> None:
        """A request that met a locked database is answered 503 in the wire's shape, and succeeds later."""
        stack = create_stack(client)
        held = backend.db.open_patient()
        connections = [backend.db.engine.connect() for _ in range(backend.db.engine.pool.size())]  # type: ignore[attr-defined]
        for connection in connections:
            connection.exec_driver_sql("PRAGMA busy_timeout=20")
            connection.close()
        with held.begin():
            refused = client.patch(f"{stack}/tags", json={"a": "1"})
        held.close()

        assert (503, 503) == error_of(refused)[:2]
        assert 204 == client.patch(f"{stack}/tags", json={"a": "1"}).status_code

    def test_of_a_full_disk_are_named(self, database: Database) -> None:
        """A full disk is no overload: the message says what to do, and nothing was changed."""
        with database.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

        with pytest.raises(Unavailable) as caught, database.connect() as connection:
            connection.execute(insert(service_keys).values(name="large", wrapped_key=b"x" * 100_000, created_at=1))
        assert "the disk that holds the database is full; nothing was changed. Make room on it" in caught.value.message

    def test_of_a_repeated_row_are_recognised(self, database: Database) -> None:
        """A row that is there already is told apart from every other fault."""
        with pytest.raises(IntegrityError) as caught, database.begin() as tx:
            add_twice(tx, "a")

        assert is_duplicate(caught.value)
        assert not is_duplicate(Unavailable("x"))
        assert [] == names(database)

    def test_show_no_values(self, database: Database) -> None:
        """An error's text holds no parameter of the statement: it may be a token's hash or a program."""
        with pytest.raises(IntegrityError) as caught, database.connect() as connection:
            add_twice(connection, "hunter2")

        assert "hunter2" not in str(caught.value)


class TestFile:
    def test_is_durable_and_shared(self, database: Database) -> None:
        """Every commit is on the disk before it returns, and readers do not wait for writers."""
        with database.connect() as connection:
            found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]

        assert ["wal", 2] == found

    def test_is_for_its_owner_alone(self, tmp_path: Path) -> None:
        """The file, and so the files that SQLite puts beside it, can be read by no one else."""
        path = tmp_path / "own.db"
        ensure_private(path)
        database = open_database(path, pool_size=1)
        METADATA.create_all(database.engine)

        assert {0o600} == {stat.S_IMODE(one.stat().st_mode) for one in tmp_path.glob("own.db*")}
        database.close()

    def test_that_cannot_be_made_stops_the_start(self, tmp_path: Path) -> None:
        """A folder that is missing is one line for the operator."""
        with pytest.raises(StartUpError, match="cannot create the database file"):
            ensure_private(tmp_path / "none" / "own.db")
