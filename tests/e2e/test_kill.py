"""The server dies without warning in the middle of an update, is started again, and has lost nothing that it confirmed."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.cli import Cli, Server
from tests.e2e.project import STASH, Project, ProjectFactory, State, stash
from tests.e2e.recording_proxy import Promises, RecordingProxy
from tests.e2e.server import ServerProcess, running_server

RESOURCES = 200
ROUNDS = int(os.environ.get("STACKHOLD_KILL_ROUNDS", "2"))
SEED = int(os.environ.get("STACKHOLD_KILL_SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
# Within this time of a request's arrival it is read, stored and answered, so a death in it hits every step.
DELAY_SECONDS = 0.03
UP = ("up", "--yes", "--skip-preview")
WAYS_TO_SAVE: tuple[dict[str, str | None], ...] = (
    {},
    {"PULUMI_JOURNALING_BATCH_PERIOD": "5", "PULUMI_JOURNALING_BATCH_SIZE": "7"},
    {"PULUMI_DISABLE_BEGIN_UPDATE": "true"},
    {"PULUMI_DISABLE_JOURNALING": "true"},
)


@dataclass(frozen=True, slots=True)
class Rig:
    """A server that may be killed, what notes its promises, and a CLI that talks to it."""

    process: ServerProcess
    proxy: RecordingProxy
    cli: Cli
    folder: Path
    _usual_requests: dict[int, int] = field(default_factory=dict)

    def usual_requests(self, way: int) -> int:
        """How many requests an undisturbed update makes that saves in this way; measured once."""
        if way not in self._usual_requests:
            project = Project(self.cli, self.folder / str(way), f"usual-{way}")
            _fill(project)
            self.proxy.begin()
            project.run(*UP, env=WAYS_TO_SAVE[way])
            self._usual_requests[way] = self.proxy.requests
        return self._usual_requests[way]


@pytest.fixture(scope="module")
def rig(make_cli: Callable[[Server], Cli], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A server of this file's own, so that no other test meets a dead one."""
    if running_server():
        pytest.skip("a server that was not started here is not killed")
    process = ServerProcess(tmp_path_factory.mktemp("mortal") / "data")
    process.start()
    with RecordingProxy(process.server.url) as proxy:
        cli = make_cli(Server(proxy.url, process.server.token, process.server.org))
        cli.login()
        yield Rig(process, proxy, cli, tmp_path_factory.mktemp("usual"))
    process.stop()


class Killer:
    """Kills the server a moment after the n-th request has arrived, and starts it again."""

    def __init__(self, process: ServerProcess, nth: int, delay_seconds: float) -> None:
        self._process, self._nth, self._delay = process, nth, delay_seconds
        self._thread = threading.Thread(target=self._kill_and_start)
        self.has_killed = False

    def on_request(self, number: int) -> None:
        """Is told of every request."""
        if number == self._nth:
            self._thread.start()

    def finish(self) -> None:
        """Wait until the server is there again; an update that made fewer requests than usual is followed by the death."""
        if self._thread.ident is None:
            self._thread.start()
        self._thread.join()

    def _kill_and_start(self) -> None:
        time.sleep(self._delay)
        self._process.kill()
        self.has_killed = True
        self._process.start()


@pytest.mark.newest_cli_only
@pytest.mark.parametrize("number", range(ROUNDS))
def test_server_is_killed_during_an_update(number: int, rig: Rig, make_project: ProjectFactory) -> None:
    """Whatever a 2xx confirmed is in the state after the restart, and the next update completes the stack."""
    chance = random.Random(SEED * 1000 + number)
    way = number % len(WAYS_TO_SAVE)
    environment, usual = WAYS_TO_SAVE[way], rig.usual_requests(way)
    nth, delay = chance.randint(1, usual), chance.uniform(0, DELAY_SECONDS)
    moment = f"seed {SEED}, round {number}: {environment}, request {nth} of about {usual} + {delay * 1000:.0f} ms"
    project = make_project(rig.cli)
    _fill(project)
    killer = Killer(rig.process, nth, delay)

    rig.proxy.begin(killer.on_request)
    project.run(*UP, ok=None, env=environment)
    killer.finish()
    promises = dict(rig.proxy.promises)
    project.run("cancel", "--yes", ok=None)
    state = project.export()
    project.run("refresh", "--yes", "--skip-preview", "--clear-pending-creates", env=environment)
    project.run(*UP, env=environment)
    whole = project.export()

    assert killer.has_killed, moment
    assert _missing(promises, state) == [], moment
    assert len(whole.names) == RESOURCES, moment
    assert whole.pending == [], moment
    project.run("stack", "rm", "--yes", "--force")


def _fill(project: Project) -> None:
    project.write({f"r{i}": stash({"index": i, "text": "x" * 200}) for i in range(RESOURCES)})
    project.init()


def _missing(promises: dict[str, Promises], state: State) -> list[str]:
    """URNs that were confirmed and are not in the state: created ones as resources, begun ones at least as pending."""
    resources = {resource["urn"] for resource in state.resources}
    pending = {operation["resource"]["urn"] for operation in state.document["deployment"].get("pending_operations") or []}
    created = {urn for promise in promises.values() for urn in promise.created if f"::{STASH}::" in urn}
    begun = {urn for promise in promises.values() for urn in promise.begun if f"::{STASH}::" in urn}
    return sorted((created - resources) | (begun - resources - pending))


def test_promises_are_read_from_journals() -> None:
    """A missing resource is noticed: the proof is worth something only if it can fail."""
    promises = Promises()
    urn = f"urn:pulumi:dev::shop::{STASH}::r"
    promises.note(
        "journalentries",
        {
            "entries": [
                {"kind": 0, "operation": {"type": "creating", "resource": {"urn": urn + "1"}}},
                {"kind": 0, "operation": {"type": "creating", "resource": {"urn": urn + "2"}}},
                {"kind": 1, "state": {"urn": urn + "1"}},
            ]
        },
    )
    empty = State({"deployment": {}})
    half = State({"deployment": {"resources": [{"urn": urn + "1"}], "pending_operations": [{"resource": {"urn": urn + "2"}}]}})

    assert [urn + "1", urn + "2"] == _missing({"u": promises}, empty)
    assert _missing({"u": promises}, half) == []
