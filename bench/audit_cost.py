"""What the record of a request costs: the same requests with their records in the audit log and without, in turns.

`python -m bench audit` measures it on SQLite with full durability and on MySQL. At most 15 % of a request that writes may go into
its record. A request that reads writes nothing but its record: it takes a transaction, which a share of so short a request says
little about.
"""

import asyncio
import base64
import statistics
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from sqlalchemy import Connection
from starlette.types import ASGIApp

from bench import asgi
from bench.audit_chain import installation
from bench.script import PROJECT, Script, batches
from bench.servers import ORG
from common.audit import repository
from common.audit.chain import Record
from common.backend import open_backend
from common.config.settings import Settings
from common.core.compression import pack, unpack
from functions.http.app import create_app
from functions.server import startup

LIMIT = 0.15
WRITES = ("create a stack", "begin an update", "complete an update", "import a state")
HEAD = ("database", "request", "with its record, ms", "without, ms", "share of the record", "limit")
RESOURCES = 100
_TOKEN = f"pul-{'a1' * 20}"
_MANY = 100


@dataclass
class Cost:
    """The times of a kind of request, by whether it was recorded."""

    database: str
    name: str
    seconds: dict[bool, list[float]] = field(default_factory=lambda: {True: [], False: []})

    @property
    def milliseconds(self) -> tuple[float, float]:
        """Return the times with a record and without: each the median of the faster half, since others use the machine too."""
        return _fast(self.seconds[True]) * 1000, _fast(self.seconds[False]) * 1000

    @property
    def share(self) -> float:
        """Return the part of the request that its record takes."""
        recorded, silent = self.milliseconds
        return 1 - silent / recorded

    @property
    def is_over(self) -> bool:
        """Tell whether the record of a request that writes takes more than it may."""
        return self.name in WRITES and self.share > LIMIT


def measure(folder: Path, rounds: int, databases: tuple[str, ...] = ("SQLite", "MySQL")) -> list[Cost]:
    """Return the cost of each kind of request on each database."""
    costs = list[Cost]()
    for database in databases:
        with installation(database, folder / f"cost-{database}") as values:
            settings = Settings(values | {"STACKHOLD_BOOTSTRAP_TOKEN": _TOKEN, "STACKHOLD_BOOTSTRAP_ORG": ORG})
            with closing(startup.start(settings, may_migrate=True)) as backend:
                startup.make_administrator(backend)
            with closing(open_backend(settings)) as backend:
                costs += asyncio.run(_Client(database, create_app(backend)).play(rounds))
    return costs


def rows(costs: list[Cost]) -> list[tuple[object, ...]]:
    """Return the rows of a table."""
    return [
        (
            one.database,
            one.name,
            *(f"{value:.2f}" for value in one.milliseconds),
            f"{one.share:.1%}",
            f"{LIMIT:.0%}" if one.name in WRITES else "–",
        )
        for one in costs
    ]


class _Client:
    """Makes the requests, every second round without records."""

    def __init__(self, database: str, app: ASGIApp) -> None:
        self._database, self._app = database, app
        self._costs: dict[str, Cost] = {}
        self._is_recorded, self._is_warm = True, defaultdict[str, bool](bool)

    async def play(self, rounds: int) -> list[Cost]:
        """Return the costs after so many rounds with records and as many without."""
        for number in range(2 * rounds + 2):
            self._is_recorded = number % 2 == 0
            with _recording(on=self._is_recorded):
                await self._round(f"s{number}", is_measured=number > 1)
        return list(self._costs.values())

    async def _round(self, name: str, *, is_measured: bool) -> None:
        script, stack = Script.of(name, RESOURCES, 100), f"/api/stacks/{ORG}/{PROJECT}/{name}"
        self._is_measured = is_measured
        await self._call(
            "create a stack", f"/api/stacks/{ORG}/{PROJECT}", {"stackName": name, "tags": {"pulumi:project": PROJECT}}
        )
        body = {"updateKind": "update", "program": script.program(), "tags": {"pulumi:project": PROJECT}, "journalVersion": 2}
        begun = await self._call("begin an update", f"{stack}/begin-update", body)
        path, lease = f"{stack}/update/{begun['updateID']}", begun["token"]
        for batch in batches("entries", script.creations(), 16):
            await self._call("", f"{path}/journalentries", pack(batch), lease=lease, method="PATCH")
        await self._call("complete an update", f"{path}/complete", {"status": "succeeded"}, lease=lease)
        texts = [base64.b64encode(b"secret %d" % number).decode() for number in range(_MANY)]
        one = await self._call("", f"{stack}/encrypt", {"plaintext": texts[0]})
        await self._call("decrypt a value", f"{stack}/decrypt", one)
        many = await self._call("", f"{stack}/batch-encrypt", {"plaintexts": texts})
        await self._call(f"decrypt {_MANY} values", f"{stack}/batch-decrypt", many)
        state = await self._call("export a state", f"{stack}/export", method="GET")
        await self._call("import a state", f"{stack}/import", pack(msgspec.json.encode(state)))

    async def _call(self, kind: str, path: str, body: object = None, *, lease: str = "", method: str = "POST") -> asgi.Json:
        text = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        headers = [("authorization", f"update-token {lease}" if lease else f"token {_TOKEN}"), ("accept-encoding", "gzip")]
        answer = await asgi.call(self._app, method, path, text, headers)
        assert answer.status < 300, (path, answer.status, answer.body[:300])
        if kind and self._is_measured:
            self._costs.setdefault(kind, Cost(self._database, kind)).seconds[self._is_recorded].append(answer.seconds)
        return msgspec.json.decode(unpack(answer.body)) if answer.body else None


def _fast(seconds: list[float]) -> float:
    return statistics.median(sorted(seconds)[: (len(seconds) + 1) // 2])


@contextmanager
def _recording(*, on: bool) -> Iterator[None]:
    """Let records be written or not."""
    add = repository.add
    if not on:
        repository.add = _ignore
    try:
        yield
    finally:
        repository.add = add


def _ignore(tx: Connection, record: Record) -> None:
    pass
