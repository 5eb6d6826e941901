"""Settings that change while a function's process lives: used within the time that is said, or not at all."""

import asyncio
import logging
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from common.core.errors import StartUpError
from functions.hosts.function_host import FunctionHost
from tests.aws.fixtures import moto, moto_process
from tests.aws.installation import TOKEN, settings
from tests.aws.moto_process import Moto
from tests.mysql.shared import SharedServer

__all__ = ["moto", "moto_process"]

SECONDS = 120.0
OIDC = {"STACKHOLD_OIDC_ISSUER": "https://login.example.com", "STACKHOLD_OIDC_CLIENT_ID": "stackhold"}


class Source:
    """Where settings are read from, and the time."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values = values
        self.problem = ""
        self.reads = 0
        self.time = 1_000_000.0
        self.gate: threading.Event | None = None
        self.reading = threading.Event()

    def read(self) -> dict[str, str]:
        """Return the settings."""
        self.reads += 1
        self.reading.set()
        if self.gate is not None:
            assert self.gate.wait(30)
        if self.problem:
            raise StartUpError(self.problem)
        return dict(self.values)

    def now(self) -> float:
        """Return the time."""
        return self.time

    def host(self) -> FunctionHost:
        """Return a process that reads from here."""
        return FunctionHost(self.read, rereads=True, now=self.now)


@pytest.fixture(scope="module")
def prepared(moto_process: Moto, mysql_server: SharedServer) -> Iterator[dict[str, str]]:
    """The settings of an installation whose tables and administrator are made."""
    with mysql_server.migrated() as database, pytest.MonkeyPatch.context() as patch:
        for name, value in moto_process.environment.items():
            patch.setenv(name, value)
        found = settings(moto_process, mysql_server, database)
        bootstrap = {"STACKHOLD_BOOTSTRAP_TOKEN": TOKEN, "STACKHOLD_BOOTSTRAP_ORG": "acme"}
        FunctionHost(lambda: {**found, **bootstrap}).prepare()
        yield found


@pytest.fixture
def source(moto: Moto, prepared: dict[str, str]) -> Source:
    """Where a process of that installation reads its settings."""
    del moto
    return Source(dict(prepared))


def offers(client: TestClient, name: str) -> bool:
    """Whether the sign-in page has a button with that name."""
    page = client.get("/signin", headers={"Accept": "text/html"})
    assert 200 == page.status_code
    return name in page.text


class TestChangedSettings:
    def test_are_in_force_after_the_time_that_is_said(self, source: Source) -> None:
        """A process that serves goes on with what it has read until then, and has the new settings from then on."""
        client = TestClient(source.host())
        before = offers(client, "Example ID")
        source.values |= {**OIDC, "STACKHOLD_OIDC_NAME": "Example ID"}
        source.time += SECONDS - 1
        early = offers(client, "Example ID")
        source.time += 1
        late = offers(client, "Example ID")

        assert (False, False, True) == (before, early, late)
        assert 2 == source.reads

    def test_are_seen_by_a_process_that_comes_from_a_snapshot(self, source: Source) -> None:
        """A snapshot may be weeks old, or the clock may be behind it: the first request reads again."""
        host = source.host()
        host.load()
        source.values |= {**OIDC, "STACKHOLD_OIDC_NAME": "Example ID"}
        source.time -= 50
        host.renew()

        assert offers(TestClient(host), "Example ID")

    def test_that_are_wrong_leave_those_of_the_snapshot_in_force(self, source: Source) -> None:
        """A process that has not served yet keeps what it was started with as well, if what it reads cannot be used."""
        host = source.host()
        host.load()
        source.values["PULUMI_DATABASE_USER_PASSWORD"] = "hush"
        host.renew()
        reply = TestClient(host, headers={"Authorization": f"token {TOKEN}"}).get("/api/user")

        assert 200 == reply.status_code

    def test_that_did_not_change_cost_nothing_more(self, source: Source, caplog: pytest.LogCaptureFixture) -> None:
        """The same settings open nothing again; readings are counted, and one in the time that is said is enough."""
        client = TestClient(source.host())
        for _ in range(3):
            for _ in range(3):
                client.get("/healthz")
            source.time += SECONDS

        assert 3 == source.reads
        assert "changed settings" not in caplog.text

    @pytest.mark.parametrize(
        ("change", "problem", "said"),
        [
            ({"STACKHOLD_OIDC_ISSUER": "https://login.example.com"}, "", "STACKHOLD_OIDC_CLIENT_ID"),
            ({"STACKHOLD_SESSION_HOURS": "hush"}, "", "STACKHOLD_SESSION_HOURS must be a whole number"),
            ({"PULUMI_DATABASE_USER_PASSWORD": "hush"}, "", "the database cannot be used"),
            ({}, "the secret stackhold/settings cannot be read (AccessDeniedException)", "AccessDeniedException"),
        ],
        ids=["half a pair", "no number", "wrong password", "no access"],
    )
    def test_that_are_wrong_leave_the_old_ones_in_force(
        self, source: Source, caplog: pytest.LogCaptureFixture, *, change: dict[str, str], problem: str, said: str
    ) -> None:
        """Requests are served as before, the log says why in one line without the value, and what is put right is used."""
        client = TestClient(source.host(), headers={"Authorization": f"token {TOKEN}"})
        assert 200 == client.get("/api/user").status_code
        good = dict(source.values)
        source.values |= change
        source.problem = problem
        source.time += SECONDS
        with caplog.at_level(logging.ERROR, "stackhold.host"):
            answers = [client.get("/api/user").status_code for _ in range(3)]
        lines = [record.message for record in caplog.records if record.levelno >= logging.ERROR]

        assert [200] * 3 == answers
        assert 1 == len(lines)
        assert said in lines[0]
        assert "hush" not in caplog.text
        source.values, source.problem = {**good, **OIDC, "STACKHOLD_OIDC_NAME": "Example ID"}, ""
        source.time += SECONDS
        assert offers(client, "Example ID")

    def test_are_read_by_one_request_alone(self, source: Source) -> None:
        """While one request reads, however long that takes, the others are served with the settings before."""
        client = TestClient(source.host())
        client.get("/healthz")
        source.gate, source.time = threading.Event(), source.time + SECONDS
        source.reading.clear()
        slow = threading.Thread(target=client.get, args=("/healthz",))
        slow.start()
        assert source.reading.wait(10)
        answers = [client.get("/healthz").status_code for _ in range(5)]
        source.gate.set()
        slow.join(30)

        assert [200] * 5 == answers
        assert 2 == source.reads

    def test_let_requests_end_that_have_begun(self, source: Source) -> None:
        """A request whose body is still coming ends with the backend it began with, which is closed after it."""
        source.values |= {**OIDC, "STACKHOLD_OIDC_NAME": "before"}
        host = source.host()

        async def both() -> tuple[int, int]:
            body_may_come, begun = asyncio.Event(), asyncio.Event()

            async def receive() -> dict[str, Any]:
                begun.set()
                await body_may_come.wait()
                return {"type": "http.request", "body": b'{"stackName":"slow"}', "more_body": False}

            slow = asyncio.create_task(_answer(host, "POST", "/api/stacks/acme/proj", receive))
            await asyncio.wait_for(begun.wait(), 30)
            source.values |= {"STACKHOLD_OIDC_NAME": "after"}
            source.time += SECONDS
            quick = await _answer(host, "GET", "/api/user", _nothing)
            body_may_come.set()
            return quick, await asyncio.wait_for(slow, 30)

        assert (200, 200) == asyncio.run(both())
        assert 2 == source.reads

    def test_behind_a_reference_are_read_again(self, source: Source, moto_process: Moto) -> None:
        """A password that a setting names by its secret's ARN is used within the same time after it was changed there."""
        client = moto_process.client("secretsmanager")
        arn = client.create_secret(Name=f"stackhold/{uuid.uuid4().hex}", SecretString="wrong")["ARN"]
        right = source.values["PULUMI_DATABASE_USER_PASSWORD"]
        source.values["PULUMI_DATABASE_USER_PASSWORD"] = arn
        web = TestClient(FunctionHost(source.read, now=source.now), headers={"Authorization": f"token {TOKEN}"})
        before = web.get("/api/user").status_code
        client.put_secret_value(SecretId=arn, SecretString=right)
        source.time += SECONDS
        after = web.get("/api/user").status_code

        assert (503, 200) == (before, after)

    def test_of_the_jobs_are_read_too(self, source: Source, caplog: pytest.LogCaptureFixture) -> None:
        """A tick reads again, and one that finds wrong settings runs with those before."""
        host = source.host()
        host.tick()
        source.values["STACKHOLD_JOURNAL_DAYS"] = "9"
        source.time += SECONDS
        host.tick()
        source.values["PULUMI_DATABASE_USER_PASSWORD"] = "hush"
        source.time += SECONDS
        host.tick()
        said = [record.message for record in caplog.records if "in use" in record.message]

        assert "changed settings are in use now" == said[0]
        assert "the previous settings stay in use: the database cannot be used" in said[1]


async def _answer(host: FunctionHost, method: str, path: str, receive: Any) -> int:
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "https",
        "http_version": "1.1",
        "server": ("api.example.com", 443),
        "client": ("192.0.2.1", 1),
        "headers": [
            (b"host", b"api.example.com"),
            (b"authorization", f"token {TOKEN}".encode()),
            (b"content-type", b"application/json"),
        ],
    }
    statuses: list[int] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await host(scope, receive, send)
    return statuses[0]


async def _nothing() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}
