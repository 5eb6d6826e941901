"""What an update takes while the receiver of its webhook misbehaves, beside one that takes everything, in turns, in this process.

`python -m bench webhooks`. A thread delivers what is due meanwhile, as a server of one's own does. An update makes no call: it
may take 1.02 times as long at most. A busy machine needs many rounds (`--repeats 200`). A test counts statements and calls.
"""

import asyncio
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from starlette.types import ASGIApp

from bench import asgi
from bench.script import PROJECT, Script, batches
from bench.servers import ORG
from common.backend import Backend, open_backend
from common.config.settings import Settings
from common.core.compression import pack, unpack
from functions.http.app import create_app
from functions.jobs import deliver_messages
from functions.server import startup
from tests.peers.webhook_receiver import WebhookReceiver

LIMIT = 1.02
HEAD = ("receiver", "update, ms", "× one that takes everything", "limit", "events that arrived")
GOOD = "takes everything"
RECEIVERS = (GOOD, "is slow", "is down", "redirects", "answers 500", "drops the connection", "has a private address")
_TOKEN = f"pul-{'a1' * 20}"
_RESOURCES = 50


@dataclass
class Cost:
    """The times of updates with a kind of receiver."""

    receiver: str
    good: "Cost | None" = None
    arrived: int = 0
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Return the median of the faster half in seconds, since others use the machine too."""
        return statistics.median(sorted(self.seconds)[: (len(self.seconds) + 1) // 2])

    @property
    def ratio(self) -> float:
        """Return how many times as long an update takes as with a receiver that takes everything."""
        return self.median / self.good.median if self.good is not None else 1.0

    @property
    def is_over(self) -> bool:
        """Tell whether an update takes longer than it may."""
        return self.ratio > LIMIT


def measure(folder: Path, rounds: int) -> list[Cost]:
    """Return what updates take with each kind of receiver."""
    values = {
        "STACKHOLD_DATA": str(folder / "data"),
        "STACKHOLD_BOOTSTRAP_TOKEN": _TOKEN,
        "STACKHOLD_BOOTSTRAP_ORG": ORG,
        "STACKHOLD_OUTBOUND_ALLOW": "127.0.0.1",
    }
    settings = Settings(values)
    with closing(startup.start(settings, may_migrate=True)) as backend:
        startup.make_administrator(backend)
    with ExitStack() as stack, closing(open_backend(settings)) as backend:
        receivers = {kind: stack.enter_context(WebhookReceiver()) for kind in RECEIVERS}
        for kind, receiver in receivers.items():
            _misbehave(receiver, kind)
        costs = {GOOD: Cost(GOOD)}
        costs |= {kind: Cost(kind, costs[GOOD]) for kind in RECEIVERS[1:]}
        app = create_app(backend)
        with _delivering(backend):
            asyncio.run(_play(app, {kind: _url(kind, receivers[kind]) for kind in RECEIVERS}, costs, rounds))
        for kind, receiver in receivers.items():
            costs[kind].arrived = len(receiver.received)
    return list(costs.values())


def rows(costs: list[Cost]) -> list[tuple[object, ...]]:
    """Return the rows of a table."""
    return [
        (cost.receiver, f"{cost.median * 1000:.1f}", f"{cost.ratio:.3f}", "–" if cost.good is None else LIMIT, cost.arrived)
        for cost in costs
    ]


async def _play(app: ASGIApp, urls: dict[str, str], costs: dict[str, Cost], rounds: int) -> None:
    for number, url in enumerate(urls.values()):
        stack = f"/api/stacks/{ORG}/{PROJECT}/s{number}"
        await _call(app, "POST", f"/api/stacks/{ORG}/{PROJECT}", {"stackName": f"s{number}"})
        hook = {"name": "hook", "displayName": "Hook", "payloadUrl": url, "active": True, "format": "raw", "filters": []}
        await _call(
            app, "POST", f"{stack}/hooks", hook | {"organizationName": ORG, "projectName": PROJECT, "stackName": f"s{number}"}
        )
    for turn in range(rounds + 1):
        # Each round begins with another one, so that none always follows the same one.
        kinds = [*RECEIVERS[turn % len(RECEIVERS) :], *RECEIVERS[: turn % len(RECEIVERS)]]
        for kind in kinds:
            seconds = await _update(app, f"s{RECEIVERS.index(kind)}")
            if turn:
                costs[kind].seconds.append(seconds)


async def _update(app: ASGIApp, name: str) -> float:
    script, stack = Script.of(name, _RESOURCES, 100), f"/api/stacks/{ORG}/{PROJECT}/{name}"
    tags, bodies = {"pulumi:project": PROJECT}, [pack(batch) for batch in batches("entries", script.creations(), 16)]
    body = {"updateKind": "update", "program": script.program(), "tags": tags, "journalVersion": 2}
    began = time.perf_counter()
    begun = await _call(app, "POST", f"{stack}/begin-update", body)
    path, lease = f"{stack}/update/{begun['updateID']}", begun["token"]
    for batch in bodies:
        await _call(app, "PATCH", f"{path}/journalentries", batch, lease)
    await _call(app, "POST", f"{path}/complete", {"status": "succeeded"}, lease)
    return time.perf_counter() - began


async def _call(app: ASGIApp, method: str, path: str, body: object, lease: str = "") -> asgi.Json:
    text = body if isinstance(body, bytes) else msgspec.json.encode(body)
    headers = [("authorization", f"update-token {lease}" if lease else f"token {_TOKEN}"), ("accept-encoding", "gzip")]
    answer = await asgi.call(app, method, path, text, headers)
    assert answer.status < 300, (path, answer.status, answer.body[:300])
    return msgspec.json.decode(unpack(answer.body)) if answer.body else None


def _misbehave(receiver: WebhookReceiver, kind: str) -> None:
    match kind:
        case "is slow":
            receiver.delay_seconds = 5.0
        case "redirects":
            receiver.status, receiver.headers = 302, {"Location": receiver.url}
        case "answers 500":
            receiver.status = 500
        case "drops the connection":
            receiver.drops = True


def _url(kind: str, receiver: WebhookReceiver) -> str:
    return {"is down": "https://127.0.0.1:9/hook", "has a private address": "https://10.0.0.7/hook"}.get(kind, receiver.url)


@contextmanager
def _delivering(backend: Backend) -> Iterator[None]:
    """Deliver what is due, in a thread."""
    stopping = threading.Event()

    def deliver() -> None:
        while not stopping.wait(0.2):
            deliver_messages(backend, lambda: not stopping.is_set())

    thread = threading.Thread(target=deliver)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
