"""A server that accepts at most one megabyte in a statement."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from common.backend import Backend, open_backend
from common.config.settings import Settings
from common.core.errors import TooLarge, Unavailable
from common.db.address import MySQL
from common.db.engine import Database, open_database
from common.db.health import advice, ping
from common.db.migrate import migrate
from common.db.tables.installation import jobs
from common.ports.keys.local import create_key
from functions.http.app import create_app
from functions.server.doctor import examine
from tests.factories.people import ADMIN_TOKEN, make_admin
from tests.mysql.shared import HOST
from tests.reporting import missing_tool
from tools.mysql import PASSWORD, USER, MySQLUnavailableError, Server, temporary_server

PACKET_BYTES = 1 << 20
S = "/api/stacks/acme/shop/dev"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """The server, with an empty database."""
    try:
        with temporary_server(f"--max-allowed-packet={PACKET_BYTES}") as running:
            with closing(running.connect()) as connection, connection.cursor() as cursor:
                cursor.execute("CREATE DATABASE pulumi")
            with closing(open_database(place(running), pool_size=1)) as database:
                migrate(database)
            # The rows of one test are there in the next, and so must be the key that they need.
            create_key(running.folder / "keys")
            yield running
    except MySQLUnavailableError as error:
        missing_tool(str(error))


def place(server: Server) -> MySQL:
    """Where its database is."""
    return MySQL(HOST, server.port, "pulumi", USER, PASSWORD)


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    """The database, over one connection."""
    with closing(open_database(place(server), pool_size=1)) as opened, opened.connect() as connection:
        connection.execute(jobs.delete())
    with closing(open_database(place(server), pool_size=1)) as opened:
        yield opened


@contextmanager
def serving(server: Server, folder: Path, **more: str) -> Iterator[tuple[TestClient, Backend]]:
    """A client of the application on this server, with a stack that no one else uses."""
    (folder / "objects").mkdir()
    backend = open_backend(Settings(settings(server, folder) | more))
    make_admin(backend)
    headers = {"Authorization": f"token {ADMIN_TOKEN}"}
    with closing(backend), TestClient(create_app(backend), headers=headers, raise_server_exceptions=False) as client:
        assert 200 == client.post("/api/stacks/acme/shop", json={"stackName": "dev"}).status_code
        yield client, backend
        assert 204 == client.delete(f"{S}?force=true").status_code


def settings(server: Server, folder: Path) -> dict[str, str]:
    """The settings that lead to its database."""
    return {
        "STACKHOLD_DATA": str(folder),
        "PULUMI_LOCAL_KEYS": str(server.folder / "keys"),
        "PULUMI_DATABASE_ENDPOINT": f"{HOST}:{server.port}",
        "PULUMI_DATABASE_USER_NAME": USER,
        "PULUMI_DATABASE_USER_PASSWORD": PASSWORD,
    }


def started(client: TestClient) -> tuple[str, dict[str, str]]:
    """The address of a running update and the header of its lease."""
    program = {"name": "shop", "runtime": "yaml", "options": {}, "config": {}, "metadata": {}}
    update = f"{S}/update/{client.post(f'{S}/update', json=program).json()['updateID']}"
    token = client.post(update, json={"journalVersion": 2}).json()["token"]
    return update, {"Authorization": f"update-token {token}"}


def creation(name: str, step: int, size: int) -> dict[str, object]:
    """A journal batch that creates a resource with an output of a size."""
    made = {
        "urn": f"urn:pulumi:dev::shop::a:b:C::{name}",
        "type": "a:b:C",
        "custom": True,
        "id": "i",
        "outputs": {"a": "x" * size},
    }
    begin = {
        "version": 1,
        "kind": 0,
        "sequenceID": 2 * step - 1,
        "operationID": step,
        "operation": {"type": "creating", "resource": made},
    }
    return {"entries": [begin, {"version": 1, "kind": 1, "sequenceID": 2 * step, "operationID": step, "state": made}]}


class TestLargeBatch:
    def test_is_kept_elsewhere(self, server: Server, tmp_path: Path) -> None:
        """A resource of three megabytes is stored, nothing after it notices, and the export has it."""
        with serving(server, tmp_path) as (client, _):
            update, lease = started(client)
            large = client.patch(f"{update}/journalentries", json=creation("large", 1, 3 << 20), headers=lease)
            between = {client.get("/api/user").status_code for _ in range(20)}
            small = client.patch(f"{update}/journalentries", json=creation("small", 2, 10), headers=lease)
            ended = client.post(f"{update}/complete", json={"status": "succeeded"}, headers=lease)
            exported = client.get(f"{S}/export").json()["deployment"]["resources"]

        assert [204, {200}, 204, 204] == [large.status_code, between, small.status_code, ended.status_code]
        assert [3 << 20, 10] == [len(resource["outputs"]["a"]) for resource in exported]

    def test_that_an_operator_wants_in_a_row_is_refused(self, server: Server, tmp_path: Path) -> None:
        """With a row limit above what the server takes, the client is told to send less, and the connection goes on."""
        with serving(server, tmp_path, STACKHOLD_BATCH_ROW_LIMIT_BYTES=str(8 << 20)) as (client, _):
            update, lease = started(client)
            large = client.patch(f"{update}/journalentries", json=creation("large", 1, 3 << 20), headers=lease)
            between = {client.get("/api/user").status_code for _ in range(20)}
            small = client.patch(f"{update}/journalentries", json=creation("small", 2, 10), headers=lease)
            client.post(f"{update}/complete", json={"status": "succeeded"}, headers=lease)

        assert [413, {200}, 204] == [large.status_code, between, small.status_code]
        assert 413 == large.json()["code"]


class TestLargeProgram:
    def test_goes_to_the_store(self, server: Server, tmp_path: Path) -> None:
        """A configuration that the database could not take at once is taken: it is kept in the object store."""
        program = {"name": "shop", "runtime": "yaml", "options": {}, "metadata": {}}
        with serving(server, tmp_path) as (client, _):
            taken = client.post(f"{S}/update", json={**program, "config": {"k": {"string": "x" * PACKET_BYTES}}})

        assert 200 == taken.status_code


class TestStatement:
    def test_too_large_costs_no_connection(self, database: Database) -> None:
        """What the server would hang up on is not even sent."""
        with database.connect() as connection:
            before = connection.scalar(text("SELECT CONNECTION_ID()"))
        with pytest.raises(TooLarge, match="max_allowed_packet"), database.connect() as connection:
            connection.execute(jobs.insert().values(name="a", due_at=1, resume_after="x" * PACKET_BYTES))
        with database.connect() as connection:
            assert before == connection.scalar(text("SELECT CONNECTION_ID()"))

    def test_that_the_server_hangs_up_on_costs_one(self, database: Database) -> None:
        """Should one be sent all the same, the connection is replaced and nothing after it fails."""
        with database.connect() as connection:
            connection.connection.dbapi_connection.packet_limit_bytes = 0  # type: ignore[union-attr]
        with pytest.raises((TooLarge, Unavailable)), database.connect() as connection:
            connection.execute(jobs.insert().values(name="a", due_at=1, resume_after="x" * 2 * PACKET_BYTES))
        ping(database)


class TestAdvice:
    def test_names_the_number(self, database: Database) -> None:
        """An operator is told what the limit is and what it should be."""
        assert "max_allowed_packet is 1,048,576 bytes" in advice(database)
        assert "16,777,216" in advice(database)

    def test_is_in_the_report_of_doctor(self, server: Server, tmp_path: Path) -> None:
        """`stackhold doctor` shows it beside the database."""
        lines = examine(Settings(settings(server, tmp_path)), "0").lines

        assert [line for line in lines if "MySQL" in line and "max_allowed_packet is 1,048,576" in line]

    def test_is_in_the_log_of_a_start(self, server: Server, caplog: pytest.LogCaptureFixture) -> None:
        """Every start warns once."""
        with closing(open_database(place(server), pool_size=1)) as database:
            migrate(database)

        assert 1 == len([record for record in caplog.records if "max_allowed_packet" in record.getMessage()])
