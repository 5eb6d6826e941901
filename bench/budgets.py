"""What each kind of request costs in this process: SQL statements, blob and key calls, milliseconds.

A script plays every kind over and over on a fresh data folder. A kind that needs more
than its budget fails the run.
"""

import asyncio
import base64
import statistics
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from starlette.types import ASGIApp

from bench import asgi
from bench.asgi import Json
from bench.script import PROJECT, Script, batches
from bench.servers import ORG
from common.backend import Backend
from common.config.settings import Settings
from common.core.clock import Clock, SystemClock
from common.core.compression import pack, unpack
from common.ports.keys.data_keys import KEPT_FOR
from common.stacks.engine import delta
from functions.http.app import create_app
from functions.server import startup
from tests.counting import Counter, counted, open_counted_backend

RESOURCES = 100
_TOKEN = f"pul-{'a1' * 20}"
_SMALL_BYTES, _LARGE_BYTES = 100, 16384
Cost = tuple[int, int, int, int]  # statements, blob reads, blob writes, key calls
# The most that a kind may cost; kinds without a line here have no budget and are shown for their milliseconds.
BUDGETS: dict[str, Cost] = {
    "health": (1, 0, 0, 0),
    "capabilities": (1, 0, 0, 0),
    "user": (1, 0, 0, 0),
    # Every quarter of an hour it is noted that a token is in use.
    "user, token not noted of late": (2, 0, 0, 0),
    "default organization": (1, 0, 0, 0),
    "read stack": (2, 0, 0, 0),
    "create update": (3, 0, 0, 0),
    "start update": (5, 0, 0, 0),
    "journal batch": (1, 0, 0, 0),
    "journal batch, large": (1, 0, 1, 0),
    "events batch": (1, 0, 0, 0),
    "renew lease": (1, 0, 0, 0),
    "checkpoint": (1, 0, 1, 0),
    "checkpoint, verbatim": (1, 0, 1, 0),
    "checkpoint, delta": (2, 1, 1, 0),
    "complete with a journal": (7, 1, 1, 0),
    "encrypt, key forgotten": (2, 0, 0, 1),
    "encrypt": (2, 0, 0, 0),
    "batch-encrypt": (2, 0, 0, 0),
    # Two statements record in the audit log what was read.
    "decrypt": (4, 0, 0, 0),
    "batch-decrypt": (4, 0, 0, 0),
    "export": (4, 1, 0, 0),
}


@dataclass
class Kind:
    """The costs and times of all calls of a kind."""

    name: str
    costs: list[Cost] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)

    @property
    def cost(self) -> Cost:
        """Return the most that a call cost, by each count."""
        columns = [max(column) for column in zip(*self.costs, strict=True)]
        return columns[0], columns[1], columns[2], columns[3]

    @property
    def is_over(self) -> bool:
        """Tell whether a call cost more than the budget."""
        budget = BUDGETS.get(self.name)
        return budget is not None and any(found > allowed for found, allowed in zip(self.cost, budget, strict=True))

    @property
    def milliseconds(self) -> tuple[float, float]:
        """Return the medians of (time, CPU time)."""
        return statistics.median(self.seconds) * 1000, statistics.median(self.cpu_seconds) * 1000


def measure(folder: Path, rounds: int) -> list[Kind]:
    """Return every kind of request after some rounds on a data folder below `folder`."""
    clock = FastClock()
    with opened(folder, clock) as backend, counted(backend) as counter:
        caller = Caller(create_app(backend), counter, clock)
        asyncio.run(_play(caller, rounds))
    return list(caller.kinds.values())


class FastClock:
    """Tells the time, or a later one."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        """Return the moment."""
        return datetime.now(UTC) + self.ahead


@contextmanager
def opened(folder: Path, clock: Clock | None = None) -> Iterator[Backend]:
    """Yield a backend on a fresh data folder with an administrator and the organization."""
    values = {"STACKHOLD_DATA": str(folder / "in-process"), "STACKHOLD_BOOTSTRAP_TOKEN": _TOKEN, "STACKHOLD_BOOTSTRAP_ORG": ORG}
    settings = Settings(values)
    with closing(startup.start(settings, may_migrate=True)) as backend:
        startup.make_administrator(backend)
    with closing(open_counted_backend(settings, clock or SystemClock())) as backend:
        yield backend


class Caller:
    """Calls the application and notes what each call cost under its kind."""

    def __init__(self, app: ASGIApp, counter: Counter, clock: FastClock) -> None:
        self.kinds: dict[str, Kind] = {}
        self.clock = clock
        self._app, self._counter = app, counter
        self._is_warm: dict[str, bool] = defaultdict(bool)

    async def call(self, kind: str, method: str, path: str, body: object = None, lease: str = "") -> Json:
        """Return the JSON of an answer. A kind's first call builds its part of the application and is not noted."""
        text = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        authorization = f"update-token {lease}" if lease else f"token {_TOKEN}"
        headers = [
            ("authorization", authorization),
            ("accept-encoding", "gzip"),
            ("user-agent", "pulumi-cli/1 (v3.274.1; linux)"),
        ]
        self._counter.reset()
        answer = await asgi.call(self._app, method, path, text, headers)
        assert answer.status < 300, (kind, answer.status, answer.body[:300])
        if self._is_warm[kind]:
            noted = self.kinds.setdefault(kind, Kind(kind))
            noted.costs.append(self._counter.cost)
            noted.seconds.append(answer.seconds)
            noted.cpu_seconds.append(answer.cpu_seconds)
        self._is_warm[kind] = True
        return msgspec.json.decode(unpack(answer.body)) if answer.body else None


async def _play(caller: Caller, rounds: int) -> None:
    for number in range(rounds + 1):
        script = Script.of(f"s{number}", RESOURCES, _SMALL_BYTES)
        stack = f"/api/stacks/{ORG}/{PROJECT}/{script.stack}"
        await _ask(caller)
        tags = {"pulumi:project": PROJECT}
        await caller.call("create stack", "POST", f"/api/stacks/{ORG}/{PROJECT}", {"stackName": script.stack, "tags": tags})
        await caller.call("read stack", "GET", stack)
        await _encrypt(caller, stack)
        await _with_journal(caller, stack, script, tags)
        await _with_checkpoints(caller, stack, script)
        await caller.call("history", "GET", f"{stack}/updates?pageSize=10&page=1")
        await caller.call("import", "POST", f"{stack}/import", pack(_container(script, RESOURCES)))
    for _ in range(rounds + 1):
        caller.clock.ahead += KEPT_FOR
        await caller.call("user, token not noted of late", "GET", "/api/user")
        await caller.call("encrypt, key forgotten", "POST", f"{stack}/encrypt", {"plaintext": "eA=="})


async def _ask(caller: Caller) -> None:
    await caller.call("health", "GET", "/healthz")
    await caller.call("capabilities", "GET", "/api/capabilities")
    await caller.call("user", "GET", "/api/user")
    await caller.call("default organization", "GET", "/api/user/organizations/default")


async def _encrypt(caller: Caller, stack: str) -> None:
    texts = [base64.b64encode(b"secret %d" % number).decode() for number in range(100)]
    one = await caller.call("encrypt", "POST", f"{stack}/encrypt", {"plaintext": texts[0]})
    await caller.call("decrypt", "POST", f"{stack}/decrypt", one)
    many = await caller.call("batch-encrypt", "POST", f"{stack}/batch-encrypt", {"plaintexts": texts})
    await caller.call("batch-decrypt", "POST", f"{stack}/batch-decrypt", many)


async def _with_journal(caller: Caller, stack: str, script: Script, tags: dict[str, str]) -> None:
    asked = {"updateKind": "update", "program": script.program(), "tags": tags, "journalVersion": 2}
    begun = await caller.call("begin update", "POST", f"{stack}/begin-update", asked)
    path, lease = f"{stack}/update/{begun['updateID']}", begun["token"]
    for batch in batches("entries", script.creations(), 16):
        await caller.call("journal batch", "PATCH", f"{path}/journalentries", pack(batch), lease)
    large = Script.of(f"{script.stack}-large", 32, _LARGE_BYTES)
    for batch in batches("entries", large.creations(), 100):  # numbers that are taken: kept, and ignored by the replay
        await caller.call("journal batch, large", "PATCH", f"{path}/journalentries", pack(batch), lease)
    for batch in batches("events", script.events("create"), 50):
        await caller.call("events batch", "POST", f"{path}/events/batch", pack(batch), lease)
    await caller.call("renew lease", "POST", f"{path}/renew_lease", {"token": "", "duration": 300}, lease)
    await caller.call("complete with a journal", "POST", f"{path}/complete", {"status": "succeeded"}, lease)
    await caller.call("export", "GET", f"{stack}/export")


async def _with_checkpoints(caller: Caller, stack: str, script: Script) -> None:
    created = await caller.call("create update", "POST", f"{stack}/update", script.program())
    path = f"{stack}/update/{created['updateID']}"
    lease = (await caller.call("start update", "POST", path, {"tags": None, "journalVersion": 0}))["token"]
    whole = _container(script, RESOURCES)
    await caller.call("checkpoint", "PATCH", f"{path}/checkpoint", pack(whole), lease)
    old, new = _container(script, RESOURCES - 1), whole
    verbatim = b'{"version":3,"untypedDeployment":%s,"sequenceNumber":1}' % old
    await caller.call("checkpoint, verbatim", "PATCH", f"{path}/checkpointverbatim", pack(verbatim), lease)
    change = {"version": 3, "checkpointHash": delta.digest(new), "sequenceNumber": 2, "deploymentDelta": [_edit(old, new)]}
    await caller.call("checkpoint, delta", "PATCH", f"{path}/checkpointdelta", pack(msgspec.json.encode(change)), lease)
    await caller.call("complete with checkpoints", "POST", f"{path}/complete", {"status": "succeeded"}, lease)


def _container(script: Script, resources: int) -> bytes:
    manifest = {"time": "2026-01-01T00:00:00Z", "magic": "", "version": ""}
    deployment = {"manifest": manifest, "resources": [script.root, *script.resources[:resources]]}
    return msgspec.json.encode({"version": 3, "deployment": deployment})


def _edit(old: bytes, new: bytes) -> dict[str, Any]:
    """Return the edit that turns one text into another that has something more near its end."""
    start = next((index for index, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), len(old))
    position = {"line": 1, "column": 1}
    span = {"uri": "", "start": {**position, "offset": start}, "end": {**position, "offset": len(old)}}
    return {"Span": span, "NewText": new[start:].decode()}
