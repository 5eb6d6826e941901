"""A database that pauses while nothing is connected: it is left alone while there is nothing to do, and woken in time."""

from collections.abc import Iterator

import pytest
from httpx2 import Client
from sqlalchemy import insert, select
from starlette.testclient import TestClient

from common.backend import Backend, open_backend
from common.config.settings import Settings
from common.core.ids import new_id
from common.db.tables.sign_in import mails
from common.db.tables.stacks import updates
from functions.hosts.function_host import FunctionHost
from tests.aws.fixtures import moto, moto_process
from tests.aws.installation import ORG, TOKEN, settings
from tests.aws.moto_process import Moto
from tests.clocks import FrozenClock
from tests.mysql.proxy import Wire, relayed
from tests.mysql.shared import SharedServer
from tests.wire import LiveUpdate, begin, create_stack

__all__ = ["moto", "moto_process"]
MINUTE, HOUR = 60, 3600


class Function:
    """A function with its own clock, and the connections that its database counts."""

    def __init__(self, environment: dict[str, str], wire: Wire) -> None:
        self.clock, self.wire = FrozenClock(), wire
        self.environment = {
            **environment,
            "PULUMI_DATABASE_ENDPOINT": f"127.0.0.1:{wire.port}",
            "STACKHOLD_DATABASE_SLEEPS": "true",
            "STACKHOLD_MIGRATE_AT_START": "true",
            "STACKHOLD_BOOTSTRAP_TOKEN": TOKEN,
            "STACKHOLD_BOOTSTRAP_ORG": ORG,
        }
        # The platform starts and ends processes as it likes: one for jobs, one for requests.
        self.jobs, self.api = self.process(), self.process()
        self.client: Client = TestClient(self.api, headers={"Authorization": f"token {TOKEN}"})

    def process(self) -> FunctionHost:
        """Return a process that has done nothing yet."""
        host = FunctionHost(lambda: self.environment, now=lambda: self.clock.now().timestamp(), clock=self.clock)
        host.open()
        return host

    def pass_minutes(self, minutes: int, *, step: int = 1, is_monitored: bool = False) -> int:
        """Let the schedule call the jobs, and a monitor look at the API, every so many minutes; return the connections made."""
        before = self.wire.connections
        for _ in range(0, minutes, step):
            self.clock.pass_seconds(step * MINUTE)
            self.jobs.tick()
            for address in ("/healthz", "/api/status") if is_monitored else ():
                assert 200 == self.client.get(address).status_code
        return self.wire.connections - before


@pytest.fixture
def function(mysql_server: SharedServer, moto: Moto) -> Iterator[Function]:
    """A function whose tables were made, some hours after its last request."""
    with mysql_server.fresh() as database, relayed(mysql_server.port) as wire:
        function = Function(settings(moto, mysql_server, database), wire)
        function.jobs.tick()
        assert 200 == function.client.get("/api/user").status_code
        function.pass_minutes(2 * 60, step=10)
        yield function


@pytest.fixture
def backend(function: Function) -> Iterator[Backend]:
    """The installation, to look into it behind the function's back."""
    backend = open_backend(Settings({**function.environment}), clock=function.clock)
    yield backend
    backend.close()


def status(backend: Backend, update: LiveUpdate) -> str:
    """Return the status of an update, and leave no connection."""
    with backend.db.connect() as connection:
        found = connection.scalar(select(updates.c.status).where(updates.c.id == update.id))
    backend.db.close()
    return str(found)


class TestIdleHour:
    def test_makes_no_connection(self, function: Function) -> None:
        """Neither the jobs nor health checks connect, whether their processes are old or new."""
        assert 0 == function.pass_minutes(60, is_monitored=True)

        function.jobs, fresh = function.process(), TestClient(function.process())
        before = function.wire.connections
        assert [200, 200, 404] == [fresh.get(address).status_code for address in ("/healthz", "/api/status", "/wp-login.php")]
        assert before == function.wire.connections
        assert 0 == function.pass_minutes(10)

    def test_is_followed_by_a_run_each_day(self, function: Function) -> None:
        """What is only deleted when it is old enough is deleted on the next day at the latest."""
        assert 0 < function.pass_minutes(24 * 60, step=30) < 10


class TestWork:
    def test_of_a_lease_is_done_in_time(self, function: Function, backend: Backend) -> None:
        """The update of a client that vanished ends when it would with a database that is always awake."""
        update = begin(function.client, create_stack(function.client))
        function.pass_minutes(19)
        assert "running" == status(backend, update)

        function.pass_minutes(2)

        assert "failed" == status(backend, update)
        function.pass_minutes(70, step=5)
        assert 0 == function.pass_minutes(60, step=5)

    def test_of_a_mail_is_done_in_time(self, function: Function, backend: Backend) -> None:
        """A mail that could not be sent is tried again when it is due, and the database is left alone until then."""
        assert 200 == function.client.get("/api/user").status_code
        due_at = round(function.clock.now().timestamp() + 4 * HOUR) * 1000
        row = {"id": new_id(), "purpose": "invitation", "address": "alice@example.com", "user_id": None, "subject_id": new_id()}
        with backend.db.begin() as tx:
            tx.execute(insert(mails), {**row, "created_at": 0, "due_at": due_at, "attempts": 1, "problem": "", "sent_at": None})
        backend.db.close()
        function.pass_minutes(75, step=5)

        assert 0 == function.pass_minutes(4 * 60 - 76, step=4)
        assert 0 < function.pass_minutes(1)
        with backend.db.connect() as connection:
            assert [] == connection.execute(select(mails).where(mails.c.due_at == due_at)).all()

    def test_is_seen_by_jobs_whichever_process_it_came_from(self, function: Function, backend: Backend) -> None:
        """Each process says for itself that it is active, also one that has served nothing before."""
        fresh = TestClient(function.process(), headers={"Authorization": f"token {TOKEN}"})
        update = begin(fresh, create_stack(fresh, "other"))
        function.pass_minutes(21)

        assert "failed" == status(backend, update)
