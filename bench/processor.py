"""The processor time of the hottest requests beside a bare FastAPI route that asks the same driver one thing, in turns.

`python -m bench processor` measures it on SQLite with full durability and on MySQL, without a server: the time is that of the
whole process, threads included, but not that of a MySQL server. Nothing is required of the ratios: a run on a busy machine would
fail for the neighbours' sake. The aims are 1.3 for a journal batch, 2 for a small read, and 1.5 for MySQL beside SQLite.
"""

import asyncio
import secrets
import statistics
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from bench import asgi
from bench.audit_chain import installation
from bench.script import PROJECT, Script, batches
from bench.servers import ORG
from common.backend import Backend, open_backend
from common.config.settings import Settings
from common.core.compression import pack, unpack
from functions.http.app import create_app
from functions.server import startup

HEAD = ("database", "request", "µs", "bare route, µs", "ratio", "beside SQLite")
DATABASES = ("SQLite", "MySQL")
_BARE_READ, _BARE_WRITE = "a bare read", "a bare insert"
_RESOURCES, _STACKS, _BATCH, _EVENTS, _WARM_UP = 100, 30, 4, 10, 20
_TOKEN = f"pul-{secrets.token_hex(20)}"


@dataclass
class Cost:
    """The processor time of a kind of request, and the bare route that it is held against."""

    database: str
    name: str
    bare: str
    seconds: list[float] = field(default_factory=list)

    @property
    def micros(self) -> float:
        """Return the median of the faster half, since others use the machine too."""
        return statistics.median(sorted(self.seconds)[: (len(self.seconds) + 1) // 2]) * 1e6


def measure(folder: Path, rounds: int, databases: tuple[str, ...] = DATABASES) -> list[Cost]:
    """Return the costs of each kind of request on each database, bare routes included."""
    costs = list[Cost]()
    for database in databases:
        with installation(database, folder / f"processor-{database}") as values:
            settings = Settings(values | {"STACKHOLD_BOOTSTRAP_TOKEN": _TOKEN, "STACKHOLD_BOOTSTRAP_ORG": ORG})
            with closing(startup.start(settings, may_migrate=True)) as backend:
                startup.make_administrator(backend)
            with closing(open_backend(settings)) as backend:
                costs += asyncio.run(_measure(database, backend, rounds))
    return costs


def rows(costs: list[Cost]) -> list[tuple[object, ...]]:
    """Return the rows of a table."""
    micros = {(cost.database, cost.name): cost.micros for cost in costs}
    table = list[tuple[object, ...]]()
    for cost in costs:
        bare, on_sqlite = micros[cost.database, cost.bare], micros.get(("SQLite", cost.name))
        beside = f"{cost.micros / on_sqlite:.2f}" if on_sqlite and cost.database != "SQLite" else "–"
        table.append((cost.database, cost.name, f"{cost.micros:.0f}", f"{bare:.0f}", f"{cost.micros / bare:.2f}", beside))
    return table


async def _measure(database: str, backend: Backend, rounds: int) -> list[Cost]:
    calls = await _calls(backend)
    costs = [Cost(database, name, bare) for name, (bare, _) in calls.items()]
    for number in range(_WARM_UP + rounds):
        for cost in costs:
            answer = await calls[cost.name][1]()
            assert answer.status < 300, (cost.name, answer.status, answer.body[:300])
            if number >= _WARM_UP:
                cost.seconds.append(answer.cpu_seconds)
    return costs


async def _calls(backend: Backend) -> dict[str, tuple[str, Callable[[], Awaitable[asgi.Answer]]]]:
    """Return each kind of request with the bare route it is held against, on an organization with stacks and a running update."""
    app, bare = create_app(backend), _bare(backend)
    project, name = f"/api/stacks/{ORG}/{PROJECT}", "s0"
    for number in range(_STACKS):
        await _call(app, "POST", project, {"stackName": f"s{number}", "tags": {"pulumi:project": PROJECT}})
    script = Script.of(name, _RESOURCES, 100)
    body = {"updateKind": "update", "program": script.program(), "tags": {"pulumi:project": PROJECT}, "journalVersion": 2}
    begun = msgspec.json.decode(unpack((await _call(app, "POST", f"{project}/{name}/begin-update", body)).body))
    path, lease = f"{project}/{name}/update/{begun['updateID']}", begun["token"]
    batch = pack(next(iter(batches("entries", script.creations(), _BATCH))))
    events = pack(next(iter(batches("events", script.events("create"), _EVENTS))))
    return {
        _BARE_READ: (_BARE_READ, lambda: _call(bare, "GET", f"/read/{ORG}")),
        _BARE_WRITE: (_BARE_WRITE, lambda: _call(bare, "PATCH", f"/write/{ORG}", batch)),
        "user": (_BARE_READ, lambda: _call(app, "GET", "/api/user")),
        "a stack": (_BARE_READ, lambda: _call(app, "GET", f"{project}/{name}")),
        f"a page of {_STACKS} stacks": (_BARE_READ, lambda: _call(app, "GET", f"/api/user/stacks?organization={ORG}")),
        f"journal, {_BATCH} entries": (_BARE_WRITE, lambda: _call(app, "PATCH", f"{path}/journalentries", batch, lease)),
        f"{_EVENTS} events": (_BARE_WRITE, lambda: _call(app, "POST", f"{path}/events/batch", events, lease)),
    }


async def _call(app: FastAPI | object, method: str, path: str, body: object = None, lease: str = "") -> asgi.Answer:
    text = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
    headers = [("authorization", f"update-token {lease}" if lease else f"token {_TOKEN}"), ("accept-encoding", "gzip")]
    return await asgi.call(app, method, path, text, headers)  # type: ignore[arg-type]


def _bare(backend: Backend) -> FastAPI:
    """Return an application that asks the driver of the database one thing in a request, on a connection of its own."""
    connection = backend.db.engine.raw_connection()
    cursor = connection.cursor()
    parameter = "?" if backend.db.dialect == "sqlite" else "%s"
    cursor.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, body BLOB)")
    ids = iter(range(1, 1 << 30))
    app = FastAPI()

    @app.get("/read/{org}")
    def read(org: str) -> Response:
        cursor.execute(f"SELECT login, name FROM organizations WHERE login = {parameter}", (org,))  # noqa: S608 - ? or %s
        [row] = cursor.fetchall()
        return Response(msgspec.json.encode({"login": row[0], "name": row[1]}), media_type="application/json")

    def insert(body: bytes) -> None:
        cursor.execute(f"INSERT INTO bare VALUES ({parameter}, {parameter})", (next(ids), body))  # noqa: S608 - ? or %s

    @app.patch("/write/{org}")
    async def write(org: str, request: Request) -> Response:
        assert org
        await run_in_threadpool(insert, await request.body())
        return Response(status_code=204)

    return app
