"""What an update takes with a webhook, by what its receiver does, beside one without a webhook.

`python -m bench webhooks`. Each kind has a server process of its own, which delivers as a server of one's own does; the client
measures the time of an update over HTTP. Updates come in short runs, so that what one of them queued is sent while the next one
is measured; the kinds take turns. A receiver that misbehaves may make an update 1.02 times as long as a good one does. What a
webhook costs beside none has no limit: two messages are stored and sent for an update. A busy machine needs many rounds
(`--repeats 100`). A test counts statements and calls.
"""

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bench import servers
from bench.script import PROJECT, Script, batches
from bench.servers import ORG
from bench.wire_load import JOURNAL_BATCH, Client
from tests.peers.webhook_receiver import WebhookReceiver

LIMIT = 1.02
HEAD = ("receiver", "update, ms", "× no webhook", "× a good receiver", "limit", "events that arrived")
NONE, GOOD = "no webhook", "takes everything"
RECEIVERS = (NONE, GOOD, "is slow", "is down", "redirects", "answers 500", "drops the connection", "has a private address")
# Of a run of updates the first is not measured: nothing is sent meanwhile.
RUN = 4
_RESOURCES = 50
_STACK = f"/api/stacks/{ORG}/{PROJECT}/s"


@dataclass
class Cost:
    """The times of updates with a kind of receiver."""

    receiver: str
    seconds: list[float] = field(default_factory=list)
    arrived: int = 0
    none: "Cost | None" = None
    good: "Cost | None" = None

    @property
    def median(self) -> float:
        """Return the median of the faster half in seconds, since others use the machine too."""
        return statistics.median(sorted(self.seconds)[: (len(self.seconds) + 1) // 2])

    @property
    def is_over(self) -> bool:
        """Tell whether an update takes longer than it may."""
        ratio = self.ratio_to(self.good)
        return ratio is not None and ratio > LIMIT

    def ratio_to(self, other: "Cost | None") -> float | None:
        """Return how many times as long an update takes as another one, or None without another one."""
        return self.median / other.median if other is not None else None


@dataclass(frozen=True, slots=True)
class _Side:
    """A server with a stack that has a webhook of one kind, or none, and a client of it."""

    client: Client
    receiver: WebhookReceiver
    cost: Cost


def measure(folder: Path, rounds: int, receivers: Sequence[str] = RECEIVERS) -> list[Cost]:
    """Return what updates take with each kind of receiver; `receivers` begins with none and a good one."""
    costs = {kind: Cost(kind) for kind in receivers}
    for kind, cost in costs.items():
        cost.none = costs[NONE] if kind != NONE else None
        cost.good = costs[GOOD] if kind not in (NONE, GOOD) else None
    with ExitStack() as stack:
        sides = [stack.enter_context(_side(folder / str(number), cost)) for number, cost in enumerate(costs.values())]
        for turn in range(rounds + 1):
            # Each round begins with another one, so that none always follows the same one.
            first = turn % len(sides)
            for side in [*sides[first:], *sides[:first]]:
                seconds = [_update(side.client) for _ in range(RUN)]
                if turn:
                    side.cost.seconds += seconds[1:]
        for side in sides:
            side.cost.arrived = len(side.receiver.wait(1) if side.cost.receiver == GOOD else side.receiver.received)
    return list(costs.values())


def rows(costs: list[Cost]) -> list[tuple[object, ...]]:
    """Return the rows of a table."""
    return [
        (
            cost.receiver,
            f"{cost.median * 1000:.1f}",
            _text(cost.ratio_to(cost.none)),
            _text(cost.ratio_to(cost.good)),
            LIMIT if cost.good is not None else "–",
            cost.arrived if cost.none is not None else "–",
        )
        for cost in costs
    ]


def _text(ratio: float | None) -> str:
    return f"{ratio:.3f}" if ratio is not None else "–"


@contextmanager
def _side(folder: Path, cost: Cost) -> Iterator[_Side]:
    folder.mkdir(parents=True)
    with WebhookReceiver() as receiver, servers.ours(folder, more={"STACKHOLD_OUTBOUND_ALLOW": "127.0.0.1"}) as target:
        client = Client(target, lambda *_: None)
        client.call("create stack", "POST", f"/api/stacks/{ORG}/{PROJECT}", msgspec.json.encode({"stackName": "s"}))
        if cost.none is not None:
            _misbehave(receiver, cost.receiver)
            client.call("create hook", "POST", f"{_STACK}/hooks", msgspec.json.encode(_hook(_url(cost.receiver, receiver))))
        yield _Side(client, receiver, cost)


def _hook(url: str) -> dict[str, object]:
    names = {"organizationName": ORG, "projectName": PROJECT, "stackName": "s", "name": "hook", "displayName": "Hook"}
    # The first of them is sent while its own update runs.
    filters = ["update_started", "update_succeeded"]
    return {**names, "payloadUrl": url, "active": True, "format": "raw", "filters": filters}


def _update(client: Client) -> float:
    script = Script.of("s", _RESOURCES, 100)
    bodies = list(batches("entries", script.creations(), JOURNAL_BATCH))
    body = {"updateKind": "update", "program": script.program(), "tags": {"pulumi:project": PROJECT}, "journalVersion": 2}
    began = time.perf_counter()
    begun = client.call("begin update", "POST", f"{_STACK}/begin-update", msgspec.json.encode(body))
    path, lease = f"{_STACK}/update/{begun['updateID']}", begun["token"]
    for batch in bodies:
        client.call("journal batch", "PATCH", f"{path}/journalentries", batch, lease)
    client.call("complete", "POST", f"{path}/complete", b'{"status":"succeeded"}', lease)
    return time.perf_counter() - began


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
