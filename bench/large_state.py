"""A state of 25 MB and more: imported, exported, updated by one resource, with the server's time, CPU and peak memory."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench import usage
from bench.script import PROJECT, Script, batches, entry
from bench.servers import Target, ours
from bench.wire_load import Client
from common.core.compression import pack
from common.stacks.engine import document

PAYLOAD_BYTES = 1500
MEMORY_LIMIT_BYTES = 400 << 20
_POLLS = 600


@dataclass(frozen=True, slots=True)
class Step:
    """What one step took; `used` has the peak since the step began."""

    name: str
    seconds: float
    used: usage.Usage


@dataclass(frozen=True, slots=True)
class Large:
    """The steps, and how large the state is."""

    state_bytes: int
    resources: int
    steps: list[Step]


def measure(folder: Path, megabytes: int) -> Large:
    """Return what a state of about so many megabytes takes on a fresh server."""
    count = (megabytes << 20) // (3 * PAYLOAD_BYTES + 600)
    script = Script.of("large", count, PAYLOAD_BYTES)
    text = _container(script)
    with ours(folder) as target:
        steps = list(_steps(target, script, text))
    return Large(len(text), count + 1, steps)


def _steps(target: Target, script: Script, text: bytes) -> Iterator[Step]:
    client = Client(target, lambda *_: None)
    stack = f"/api/stacks/{target.org}/{PROJECT}/{script.stack}"
    created = msgspec.json.encode({"stackName": script.stack, "tags": {}})
    client.call("create", "POST", f"/api/stacks/{target.org}/{PROJECT}", created)
    packed = pack(text)
    yield _step(target, "import", lambda: _import(client, stack, packed))
    yield _step(target, "export", lambda: _expect(client, stack, len(script.resources) + 1))
    yield _step(target, "up of one resource", lambda: _up(client, stack, script, new=True))
    _expect(client, stack, len(script.resources) + 2)
    yield _step(target, "up that changes nothing", lambda: _up(client, stack, script, new=False))
    yield _step(target, "export again", lambda: _expect(client, stack, len(script.resources) + 2))


def _step(target: Target, name: str, act: Callable[[], None]) -> Step:
    assert target.pid is not None
    usage.reset_peak(target.pid)
    before, started = usage.read(target.pid), time.perf_counter()
    act()
    return Step(name, time.perf_counter() - started, usage.read(target.pid).since(before))


def _import(client: Client, stack: str, packed: bytes) -> None:
    update_id = client.call("import", "POST", f"{stack}/import", packed)["updateId"]
    for _ in range(_POLLS):
        if client.call("poll", "GET", f"{stack}/update/{update_id}")["status"] == "succeeded":
            return
        time.sleep(0.05)
    raise TimeoutError("the import did not end")


def _expect(client: Client, stack: str, count: int) -> None:
    found = client.call("export", "GET", f"{stack}/export")["deployment"]["resources"]
    assert len(found) == count, (len(found), count)


def _up(client: Client, stack: str, script: Script, *, new: bool) -> None:
    """Plays an update as the command line does: it reports everything that stays, in order, and makes one more if asked to."""
    asked = {"updateKind": "update", "program": script.program(), "tags": {}, "journalVersion": 2}
    begun = client.call("begin", "POST", f"{stack}/begin-update", msgspec.json.encode(asked))
    base = client.call("export", "GET", f"{stack}/export")["deployment"]["resources"]
    path, lease = f"{stack}/update/{begun['updateID']}", begun["token"]
    entries = [script.provider_entry()]
    for index, resource in enumerate(base):
        entries += [entry(2 * index + 2, 0, index + 1), entry(2 * index + 3, 1, index + 1, state=resource, removeOld=index)]
    if new:
        number, made = len(base) + 1, {**script.resources[0], "urn": f"{script.resources[0]['urn']}-new"}
        entries.append(entry(2 * number, 0, number, operation={"resource": made, "type": "creating"}))
        entries.append(entry(2 * number + 1, 1, number, state=made))
    for batch in batches("entries", entries, 100):
        client.call("journal batch", "PATCH", f"{path}/journalentries", batch, lease)
    client.call("complete", "POST", f"{path}/complete", b'{"status":"succeeded"}', lease)


def _container(script: Script) -> bytes:
    members = json.loads(document.EMPTY)
    members["deployment"]["resources"] = [script.root, *script.resources]
    return msgspec.json.encode(members)
