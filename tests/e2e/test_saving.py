"""The ways in which a CLI sends the state of an update: a journal, or one whole checkpoint after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.cli import Cli, Server
from tests.e2e.matrix import Feature, has, require
from tests.e2e.project import DESTROY, UP, Json, Project, ProjectFactory, part, secret, stash
from tests.e2e.recording_proxy import RecordingProxy

OUTPUTS = {"color": "${bolt.value}", "code": "${vault.output}"}
JOURNAL, CHECKPOINT, BEGIN, EVENTS = "journalentries", "checkpoint", "begin-update", "batch"
Environment = dict[str, str | None]


@pytest.fixture(scope="session")
def proxy(server: Server) -> Iterator[RecordingProxy]:
    """Show which calls a command makes."""
    with RecordingProxy(server.url) as listening:
        yield listening


@pytest.fixture
def watched(make_cli: Callable[[Server], Cli], server: Server, proxy: RecordingProxy, make_project: ProjectFactory) -> Project:
    """A project whose commands go through the proxy."""
    cli = make_cli(Server(proxy.url, server.token, server.org))
    cli.login()
    return make_project(cli)


def shop(color: str) -> dict[str, Json]:
    """A program of two plain resources and a secret one."""
    return {"note": stash(color), "vault": stash(secret("1234")), "bolt": part(value=color, after="note")}


def _live_a_short_life(project: Project, saving: Environment) -> None:
    """Everything that changes a state, with a failure in between, ends as it should."""
    project.write(shop("blue"), OUTPUTS)
    project.init()
    up = project.run(*UP, env=saving)
    project.write({**shop("red"), "rust": part(fail="create", after="bolt")}, OUTPUTS)
    failed = project.run(*UP, ok=False, env=saving)
    state = project.export()
    project.write(shop("red"), OUTPUTS)
    mended = project.run(*UP, env=saving)
    project.run(*DESTROY, env=saving)

    assert up.changes() == {"created": 4}
    assert "create fails, as asked" in failed.text
    assert state.names == ["bolt", "note", "vault"]
    assert state.pending == []
    assert state.named("bolt")["outputs"]["value"] == "red"
    assert mended.changes() == {"unchanged": 4}
    assert project.export().resources == []


def test_unasked(watched: Project, proxy: RecordingProxy) -> None:
    """A CLI that can keep a journal does so with this server, unasked, and starts updates in one call if it can."""
    proxy.begin()

    _live_a_short_life(watched, {})

    expected = {JOURNAL if has(watched.cli, Feature.JOURNAL_BY_DEFAULT) else CHECKPOINT}
    expected |= {BEGIN} if has(watched.cli, Feature.BEGIN_UPDATE) else set()
    assert proxy.calls.keys() & {JOURNAL, CHECKPOINT, BEGIN} == expected


@pytest.mark.parametrize(
    ("saving", "used", "unused"),
    [
        ({"PULUMI_ENABLE_JOURNALING": "true"}, JOURNAL, CHECKPOINT),
        ({"PULUMI_DISABLE_JOURNALING": "true"}, CHECKPOINT, JOURNAL),
        ({"PULUMI_DISABLE_BEGIN_UPDATE": "true", "PULUMI_ENABLE_JOURNALING": "true"}, JOURNAL, BEGIN),
    ],
    ids=["journal", "checkpoints", "separate-start"],
)
def test_as_asked(watched: Project, proxy: RecordingProxy, saving: Environment, used: str, unused: str) -> None:
    """Whatever way to save a person chooses, the state is the same."""
    proxy.begin()

    _live_a_short_life(watched, saving)

    assert used in proxy.calls
    assert unused not in proxy.calls


def test_calls_of_an_update(watched: Project, proxy: RecordingProxy) -> None:
    """Beside the batches of its journal and of its events, an `up` makes five calls; docs/benchmarks.md has the whole sum."""
    require(watched.cli, Feature.BEGIN_UPDATE)
    watched.write({f"r{index}": stash(index) for index in range(10)}, {})
    watched.init("dev", "--secrets-provider", "passphrase")
    proxy.begin()

    watched.run(*UP, "--skip-preview")

    assert proxy.calls[JOURNAL] > 0
    assert proxy.calls[EVENTS] > 0
    others = {call: count for call, count in proxy.calls.items() if call not in (JOURNAL, EVENTS)}
    assert others == {"default": 1, "capabilities": 1, "dev": 1, BEGIN: 1, "complete": 1}
