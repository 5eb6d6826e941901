import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pymysql
import pytest
from httpx2 import Response
from sqlalchemy import event, select, text
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.errors import BadRequest, Unavailable
from common.db import mysql
from common.db.address import MySQL
from common.db.engine import Database, open_database
from common.db.faults import PACKET, READ_ONLY, Contention
from common.db.health import ping
from common.db.retry import retry
from common.db.tables.installation import jobs
from common.db.tables.stacks import stack_tags, stacks, updates
from common.rights.caller import Caller
from common.stacks.model import StackPath, Status
from common.stacks.updates.model import StartRequest
from common.stacks.updates.service import start as starting
from tests.factories.people import ORG
from tests.factories.stacks import CLIENT, make_running, make_stack, make_update, update_row
from tests.mysql.proxy import Wire
from tests.mysql.shared import SharedServer, connect
from tests.server.serving import at_once

DEV = StackPath(ORG, "shop", "dev")
S = "/api/stacks/acme/shop/dev"
_READ_ONLY = "Service Unavailable: the database is read-only at the moment, for example during a failover; try again"


@pytest.fixture
def database(wire: Wire, mysql_server: SharedServer, mysql_database: str) -> Iterator[Database]:
    """An opened database behind the relay, with one connection."""
    mysql_server.clear(mysql_database)
    place = mysql_server.place(mysql_database)
    with closing(open_database(MySQL(place.host, wire.port, place.database, place.user, place.password), pool_size=1)) as opened:
        ping(opened)
        wire.trips.clear()
        yield opened


@contextmanager
def raw(server: SharedServer, name: str) -> Iterator[pymysql.cursors.Cursor]:
    """A cursor of another user, inside a transaction."""
    with closing(connect(server.port, name)) as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        yield cursor


def in_seconds(seconds: float) -> Callable[[], float]:
    """Return a clock that is ahead by so many seconds."""
    later = time.time() + seconds
    return lambda: later


def wait_one_second(connection: mysql.Connection, _record: object, _proxy: object) -> None:
    """Make the statements of a connection wait for locks for a second only."""
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION innodb_lock_wait_timeout=1")


def deadlocks(server: SharedServer) -> int:
    """How many there were on the server."""
    ((count,),) = server.run("SELECT count FROM information_schema.innodb_metrics WHERE name = 'lock_deadlocks'")
    assert isinstance(count, int)
    return count


def wait_for_lock(server: SharedServer, database: str) -> None:
    """Return when a transaction on the database waits for a lock; other tests use the server at the same time."""
    waiting = (
        "SELECT 1 FROM information_schema.innodb_trx JOIN information_schema.processlist ON id = trx_mysql_thread_id"
        f" WHERE trx_state = 'LOCK WAIT' AND db = '{database}'"
    )
    deadline = time.monotonic() + 20
    while not server.run(waiting):
        assert time.monotonic() < deadline, "nothing waits"
        # MySQL shows everyone the old picture while anyone looks more often than every 0.1 seconds.
        time.sleep(random.uniform(0.15, 0.6))


class TestSession:
    def test_is_set_up_as_our_statements_need_it(self, database: Database) -> None:
        """Isolation, strictness, character set and time limits are the session's own, whatever the server's are."""
        with database.connect() as connection:
            found = connection.execute(
                text(
                    "SELECT @@transaction_isolation, @@autocommit, @@character_set_client, @@character_set_results,"
                    " @@sql_mode LIKE '%STRICT_ALL%', @@innodb_lock_wait_timeout, @@wait_timeout"
                ),
            ).one()

        assert ("READ-COMMITTED", 1, "utf8mb4", "utf8mb4", 1, mysql.LOCK_WAIT_SECONDS, mysql.SERVER_WAIT_SECONDS) == tuple(found)

    def test_counts_rows_that_were_found(self, database: Database) -> None:
        """An update that writes what is there already counts the row."""
        with database.connect() as connection:
            connection.execute(jobs.insert().values(name="a", due_at=1))
            assert [1, 1] == [connection.execute(jobs.update().values(due_at=1)).rowcount for _ in range(2)]


class TestTrips:
    def test_of_one_statement_are_one(self, database: Database, wire: Wire) -> None:
        """A single statement needs no BEGIN, no COMMIT and no sign of life."""
        with database.connect() as connection:
            connection.execute(jobs.insert().values(name="a", due_at=1))

        assert ["INSERT"] == [trip.split()[0] for trip in wire.trips]

    def test_of_a_transaction_are_two_more_than_its_statements(self, database: Database, wire: Wire) -> None:
        """BEGIN and COMMIT, or ROLLBACK, are the only ones beside the statements."""
        with database.begin() as tx:
            tx.execute(select(jobs.c.name))
        with pytest.raises(ZeroDivisionError), database.begin() as tx:  # noqa: PT012 - it fails after a statement
            tx.execute(select(jobs.c.name))
            _ = 1 / 0

        assert "BEGIN SELECT COMMIT BEGIN SELECT ROLLBACK".split() == [trip.split()[0] for trip in wire.trips]

    def test_of_requests(self, relayed_client: TestClient, wire: Wire) -> None:
        """What a client sends many times costs one trip; a whole change of a stack a handful."""
        trips: dict[str, int] = {}

        def call(name: str, method: str, path: str, **given: object) -> dict[str, object]:
            wire.trips.clear()
            reply = relayed_client.request(method, path, **given)  # type: ignore[arg-type]
            assert reply.status_code < 300, reply.text
            trips[name] = len(wire.trips)
            return dict(reply.json()) if reply.content else {}

        call("user", "GET", "/api/user")
        # The first record of an organization begins its chain, once.
        call("first stack", "POST", "/api/stacks/acme/shop", json={"stackName": "first"})
        call("create", "POST", "/api/stacks/acme/shop", json={"stackName": "dev"})
        call("stack", "GET", S)
        call("list", "GET", "/api/user/stacks")
        program = {"name": "shop", "runtime": "yaml", "options": {}, "config": {}, "metadata": {}}
        update = f"{S}/update/{call('update', 'POST', f'{S}/update', json=program)['updateID']}"
        lease = {"Authorization": f"update-token {call('start', 'POST', update, json={'journalVersion': 2})['token']}"}
        begin = {"version": 1, "kind": 0, "sequenceID": 1, "operationID": 1}
        event = {"sequence": 0, "timestamp": 1, "cancelEvent": {}}
        call("journal", "PATCH", f"{update}/journalentries", json={"entries": [begin]}, headers=lease)
        call("events", "POST", f"{update}/events/batch", json={"events": [event]}, headers=lease)
        call("renew", "POST", f"{update}/renew_lease", json={"token": "", "duration": 300}, headers=lease)
        call("complete", "POST", f"{update}/complete", json={"status": "succeeded"}, headers=lease)

        assert {"user": 1, "journal": 1, "events": 1, "renew": 1} == {
            name: trips[name] for name in ("user", "journal", "events", "renew")
        }
        assert 2 == trips["stack"] == trips["list"]
        assert trips["create"] <= 9, "two of them record it in the audit log, and one looks for webhooks"
        assert trips["update"] <= 3
        assert trips["start"] <= 9, "a transaction, with two statements that record it in the audit log"
        assert trips["complete"] <= 9, "two of them record it in the audit log"


class TestPool:
    def test_has_no_open_transactions(self, relayed_client: TestClient, relayed_backend: Backend) -> None:
        """Connections come back outside any transaction, after refusals as well."""
        for _ in range(2):
            relayed_client.post("/api/stacks/acme/shop", json={"stackName": "dev", "tags": {"a": "b"}})
        relayed_client.patch(f"{S}/tags", json={"a": "x" * 3000})
        relayed_client.get(f"{S}/export")

        with relayed_backend.db.connect() as connection:
            # The server is shared: other tests have transactions in their own databases.
            ours = "SELECT id FROM information_schema.processlist WHERE db = DATABASE()"
            query = f"SELECT trx_id FROM information_schema.innodb_trx WHERE trx_mysql_thread_id IN ({ours})"
            assert [] == connection.execute(text(query)).all()

    def test_rolls_back_what_a_block_left_open(self, database: Database, wire: Wire) -> None:
        """Should a mistake leave a transaction open, no one else reads its old picture."""
        with database.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            connection.execute(jobs.insert().values(name="a", due_at=1))
        with database.connect() as connection:
            assert [] == connection.execute(select(jobs.c.name)).all()

        assert "ROLLBACK" in wire.trips

    def test_throws_away_what_comes_back_in_a_transaction(self, database: Database, wire: Wire) -> None:
        """Whatever way a connection comes back, one with an open transaction is not used again."""
        borrowed = database.engine.raw_connection()
        borrowed.cursor().execute("BEGIN")
        borrowed.close()
        ping(database)

        assert 2 == wire.connections

    def test_notices_a_connection_that_the_server_closed(self, database: Database, mysql_server: SharedServer) -> None:
        """What was closed while it lay idle is replaced before a statement is sent on it."""
        with database.connect() as connection:
            number = connection.scalar(text("SELECT CONNECTION_ID()"))
        mysql_server.run(f"KILL {number}")
        for _ in range(1000):
            if not mysql_server.run(f"SELECT 1 FROM information_schema.processlist WHERE id = {number}"):
                break
        with database.connect() as connection:
            assert number != connection.scalar(text("SELECT CONNECTION_ID()"))

    def test_asks_what_lay_idle_for_a_while(self, database: Database, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
        """A connection that was not used for a while is asked for a sign of life, one that was is not."""
        ping(database)
        monkeypatch.setattr(time, "time", in_seconds(mysql.ASK_AFTER_SECONDS + 1))
        ping(database)

        assert ["SELECT", "PING", "SELECT"] == [trip.split()[0] for trip in wire.trips]
        assert 1 == wire.connections

    def test_replaces_what_lay_idle_for_long(self, database: Database, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
        """A connection that routers may have forgotten is not even asked: that could hang."""
        monkeypatch.setattr(time, "time", in_seconds(mysql.REPLACE_AFTER_SECONDS + 1))
        ping(database)

        assert 2 == wire.connections
        assert "PING" not in wire.trips

    def test_of_a_busy_server_says_so(self, mysql_server: SharedServer, mysql_database: str) -> None:
        """When all connections are in use for too long, the client is told to come back."""
        with (
            closing(open_database(mysql_server.place(mysql_database), pool_size=1, wait_seconds=0.01)) as database,
            database.connect(),
            pytest.raises(Unavailable, match="all connections"),
        ):
            ping(database)


class TestLostConnection:
    @pytest.mark.parametrize("at", ["BEGIN", "INSERT INTO stacks ", "INSERT INTO stack_tags", "INSERT INTO updates", "COMMIT"])
    def test_leaves_nothing_half_written(self, relayed_client: TestClient, relayed_backend: Backend, wire: Wire, at: str) -> None:
        """A connection that is lost in the middle is a 503, nothing is there, and the next attempt succeeds."""
        body = {"stackName": "dev", "tags": {"a": "b"}}
        wire.cut_before(at)
        reply = relayed_client.post("/api/stacks/acme/shop", json=body)

        assert (503, 503) == (reply.status_code, reply.json()["code"])
        with relayed_backend.db.connect() as connection:
            assert [[], [], []] == [connection.execute(select(table)).all() for table in (stacks, stack_tags, updates)]
        assert 200 == relayed_client.post("/api/stacks/acme/shop", json=body).status_code

    def test_before_the_answer_to_commit_is_honest(self, relayed_client: TestClient, wire: Wire) -> None:
        """No one knows whether it was written, so it is no success; a repeat shows what is."""
        wire.cut_after("COMMIT")
        lost = relayed_client.post("/api/stacks/acme/shop", json={"stackName": "dev"})
        again = relayed_client.post("/api/stacks/acme/shop", json={"stackName": "dev"})

        assert [503, 409] == [lost.status_code, again.status_code]
        assert 200 == relayed_client.get(S).status_code

    def test_loses_no_batch_that_is_sent_again(
        self, relayed_client: TestClient, relayed_backend: Backend, relayed_admin: Caller, wire: Wire
    ) -> None:
        """A journal batch whose answer was lost is repeated by the client, and counts once in the state."""
        make_stack(relayed_backend, relayed_admin)
        running = make_running(relayed_backend, relayed_admin, DEV)
        update, lease = f"{S}/update/{running.id}", {"Authorization": f"update-token {running.started.token}"}
        made = {"urn": "urn:pulumi:dev::shop::a:b:C::x", "type": "a:b:C", "custom": False}
        entries = [
            {"version": 1, "kind": 0, "sequenceID": 1, "operationID": 1, "operation": {"type": "creating", "resource": made}},
            {"version": 1, "kind": 1, "sequenceID": 2, "operationID": 1, "state": made},
        ]
        wire.cut_after("INSERT INTO journal_batches")
        lost = relayed_client.patch(f"{update}/journalentries", json={"entries": entries}, headers=lease)
        again = relayed_client.patch(f"{update}/journalentries", json={"entries": entries}, headers=lease)
        relayed_client.post(f"{update}/complete", json={"status": "succeeded"}, headers=lease)

        assert [503, 204] == [lost.status_code, again.status_code]
        exported = relayed_client.get(f"{S}/export").json()["deployment"]["resources"]
        assert [made["urn"]] == [resource["urn"] for resource in exported]


class TestFailover:
    @pytest.mark.parametrize("error", sorted(READ_ONLY))
    def test_to_another_primary_is_noticed(
        self, relayed_client: TestClient, relayed_backend: Backend, relayed_admin: Caller, wire: Wire, error: int
    ) -> None:
        """Connections to a server that became read-only are closed at the first refused writes, and fresh ones write."""
        make_stack(relayed_backend, relayed_admin, tags={f"x{number}": "0" for number in range(4)})
        running = make_running(relayed_backend, relayed_admin, DEV)
        pool = relayed_backend.settings.threads
        at_once(pool, lambda _: relayed_client.get(S).status_code)
        wire.make_read_only(error)
        lease = {"Authorization": f"update-token {running.started.token}"}

        def work(number: int) -> list[Response]:
            relayed_client.get(S)
            return [relayed_client.patch(f"{S}/tags/x{number}", json={"value": str(turn)}) for turn in range(20)]

        replies = [reply for found in at_once(4, work) for reply in found]
        refused = [reply for reply in replies if reply.status_code != 204]

        assert {(503, 503, _READ_ONLY)} == {
            (found.status_code, found.json()["code"], found.json()["message"]) for found in refused
        }
        assert 1 <= wire.refused == len(refused) <= pool
        assert {"19"} == {relayed_client.get(S).json()["tags"][f"x{number}"] for number in range(4)}
        ended = relayed_client.post(f"{S}/update/{running.id}/complete", json={"status": "succeeded"}, headers=lease)
        assert 204 == ended.status_code

    @pytest.mark.parametrize("error", sorted(mysql._USELESS - {PACKET}))
    def test_is_told_from_what_leaves_a_connection_good(self, error: int) -> None:
        """What says that a connection is of no use ends it; a refused value, a lost race and a killed statement do not."""
        dialect = mysql.Dialect(dbapi=pymysql)

        assert dialect.is_disconnect(pymysql.err.OperationalError(error, ""), None, None) is True
        for harmless in (1062, 1205, 1213, 1317, 1406):
            assert not dialect.is_disconnect(pymysql.err.OperationalError(harmless, ""), SimpleNamespace(open=True), None)


class TestDeadlock:
    def test_of_a_single_statement_is_not_seen(self, database: Database, mysql_server: SharedServer, mysql_database: str) -> None:
        """The statement that lost has done nothing and is sent again."""
        with database.connect() as connection:
            connection.execute(jobs.insert(), [{"name": name, "due_at": 1} for name in "abcdefgh"])

        before = deadlocks(mysql_server)

        def change() -> None:
            with database.connect() as connection:
                connection.execute(jobs.update().values(due_at=2).where(jobs.c.name.in_(["a", "h"])))

        with raw(mysql_server, mysql_database) as other:
            # Anyone who has changed less loses.
            other.execute("UPDATE jobs SET due_at = 3 WHERE name IN ('d', 'e', 'f', 'g', 'h')")
            thread = threading.Thread(target=change)
            thread.start()
            wait_for_lock(mysql_server, mysql_database)
            other.execute("UPDATE jobs SET due_at = 3 WHERE name = 'a'")
            other.execute("COMMIT")
            thread.join()

        assert before < deadlocks(mysql_server)
        assert [("a", 2), ("h", 2)] == mysql_server.run(
            "SELECT name, due_at FROM jobs WHERE name IN ('a', 'h') ORDER BY name", database=mysql_database
        )

    def test_of_a_start_is_not_seen(
        self, relayed_backend: Backend, relayed_admin: Caller, mysql_server: SharedServer, mysql_database: str
    ) -> None:
        """A start that lost is decided anew: the client does not repeat it, and it must not be a server error."""
        path = make_stack(relayed_backend, relayed_admin)
        update = make_update(relayed_backend, relayed_admin, path)
        stack_id = update_row(relayed_backend, update).stack_id
        begun: list[object] = []
        before = deadlocks(mysql_server)

        def start() -> None:
            wanted = StartRequest({"new": "tag"}, 2)
            begun.append(starting.start(relayed_backend, relayed_admin, path, update, request=wanted, client=CLIENT))

        with raw(mysql_server, mysql_database) as other:
            # As a rename does: the version first, the stack second; a start with tags goes the other way round.
            columns = [column.name for column in updates.columns]
            copy = f"INSERT INTO updates ({', '.join(columns)}) SELECT {{}} FROM updates WHERE version = 0"
            chosen = [{"id": "'other'", "version": "1"}.get(name, name) for name in columns]
            other.execute(copy.format(", ".join(chosen)))
            for number in range(20):
                other.execute(f"INSERT INTO jobs (name, due_at) VALUES ('job{number}', 1)")
            thread = threading.Thread(target=start)
            thread.start()
            wait_for_lock(mysql_server, mysql_database)
            other.execute(f"UPDATE stacks SET tags = tags, config = '' WHERE id = '{stack_id}'")
            other.execute("ROLLBACK")
            thread.join()

        assert before < deadlocks(mysql_server)
        assert 1 == len(begun)
        assert (Status.RUNNING, 1) == (update_row(relayed_backend, update).status, update_row(relayed_backend, update).version)

    def test_again_and_again_is_told(self) -> None:
        """What loses every time ends in an error that says so, after a few attempts."""
        attempts: list[int] = []

        def lose() -> None:
            attempts.append(1)
            raise Contention("lost")

        with pytest.raises(Contention):
            retry(lose)

        assert 4 == len(attempts)


class TestLockWait:
    def test_for_too_long_changes_nothing(
        self, relayed_client: TestClient, relayed_backend: Backend, mysql_server: SharedServer, mysql_database: str
    ) -> None:
        """Who waits too long for another user's rows gets 503, has changed nothing, and may try again."""
        relayed_client.post("/api/stacks/acme/shop", json={"stackName": "dev", "tags": {"a": "1"}})
        event.listen(relayed_backend.db.engine, "checkout", wait_one_second)
        with raw(mysql_server, mysql_database) as other:
            other.execute("SELECT id FROM stacks FOR UPDATE")
            held = relayed_client.patch(f"{S}/tags", json={"a": "2"})
        after = relayed_client.get(S).json()["tags"]

        assert 503 == held.status_code
        assert "held the same rows" in held.json()["message"]
        assert {"a": "1"} == after
        assert 204 == relayed_client.patch(f"{S}/tags", json={"a": "2"}).status_code


class TestValues:
    def test_that_do_not_fit_are_refused(self, database: Database) -> None:
        """A text that is longer than its column is an error of the request, never cut."""
        with pytest.raises(BadRequest, match="longer or larger"), database.connect() as connection:
            connection.execute(jobs.insert().values(name="x" * 65, due_at=1))
        with pytest.raises(BadRequest, match="longer or larger"), database.connect() as connection:
            connection.execute(jobs.insert().values(name="x", due_at=1 << 63))


class TestPassword:
    @pytest.mark.parametrize("has_unchecked_tls", [False, True])
    def test_is_not_sent_in_the_clear(self, has_unchecked_tls: bool) -> None:
        """Anyone who answers at the address cannot ask for the password as it is, unless it has shown a certificate."""
        connection = mysql.Connection(defer_connect=True, user="app", password="secret", ssl_disabled=not has_unchecked_tls)
        # The driver notes this when TLS begins, with a certificate that it did not check too.
        connection._secure = has_unchecked_tls

        for plugin in (b"mysql_clear_password", b"dialog"):
            with pytest.raises(pymysql.err.OperationalError, match="no TLS"):
                connection._process_auth(plugin, None)

    def test_that_is_wrong_says_so_without_the_password(self, mysql_server: SharedServer, tmp_path: Path) -> None:
        """A login that fails is no secret's leak."""
        place = MySQL(mysql_server.place("").host, mysql_server.port, "", "nobody", "hunter2")
        with closing(open_database(place, pool_size=1)) as database, pytest.raises(Unavailable) as caught:
            ping(database)

        assert "hunter2" not in f"{place!r}{caught.value}{caught.value.__cause__}"
