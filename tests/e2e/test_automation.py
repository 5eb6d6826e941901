"""The Automation API: programs that deploy programs, without a `pulumi` in sight."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pulumi
import pytest
from pulumi import automation

from tests.e2e.cli import Cli, Server
from tests.e2e.server import remove_stacks, running_server

WAIT_LIMIT_SECONDS = 60.0
StackFactory = Callable[[str, Callable[[], None]], automation.Stack]


def shop(color: str) -> Callable[[], None]:
    """An inline program of a plain and a secret resource."""

    def program() -> None:
        note = pulumi.Stash("note", input=color)
        vault = pulumi.Stash("vault", input=pulumi.Output.secret("1234"))
        pulumi.export("color", note.input)
        pulumi.export("code", vault.output)

    return program


@pytest.fixture
def project_name(server: Server) -> Iterator[str]:
    """A project that no other test and no other run uses; a server that lives on is left as it was."""
    name = f"automation-{uuid.uuid4().hex[:8]}"
    yield name
    if running_server():
        remove_stacks(server, name)


@pytest.fixture
def make_stack(cli: Cli, project_name: str, tmp_path: Path) -> StackFactory:
    """Make or select a stack for an inline program."""
    command = automation.PulumiCommand(root=str(cli.root))

    def make(name: str, program: Callable[[], None]) -> automation.Stack:
        options = automation.LocalWorkspaceOptions(
            work_dir=str(tmp_path), pulumi_home=str(cli.home), pulumi_command=command, env_vars=dict(cli.environment)
        )
        return automation.create_or_select_stack(
            f"{cli.server.org}/{project_name}/{name}", project_name=project_name, program=program, opts=options
        )

    return make


def _summary(summary: automation.UpdateSummary | None) -> tuple[str, str, int | None, dict[str, int]]:
    assert summary is not None
    changes = {str(getattr(kind, "value", kind)): count for kind, count in (summary.resource_changes or {}).items()}
    return summary.kind, summary.result, summary.version, changes


def _urns(state: automation.Deployment) -> list[str]:
    assert state.deployment is not None
    return [resource["urn"] for resource in state.deployment["resources"]]


def test_automation_life(make_stack: StackFactory) -> None:
    """Every operation returns the summary of exactly its own update, with the counts of its changes."""
    stack = make_stack("dev", shop("blue"))

    preview = stack.preview()
    up = stack.up(message="open the shop")
    again = stack.up()
    refresh = stack.refresh()
    outputs = stack.outputs()
    history = stack.history()
    destroy = stack.destroy()
    info = stack.info()
    stack.workspace.remove_stack(stack.name)

    assert {str(getattr(kind, "value", kind)): count for kind, count in preview.change_summary.items()} == {"create": 3}
    assert _summary(up.summary) == ("update", "succeeded", 1, {"create": 3})
    assert up.summary.message == "open the shop"
    assert _summary(again.summary) == ("update", "succeeded", 2, {"same": 3})
    assert _summary(refresh.summary) == ("refresh", "succeeded", 3, {"same": 3})
    assert (outputs["color"].value, outputs["color"].secret) == ("blue", False)
    assert (outputs["code"].value, outputs["code"].secret) == ("1234", True)
    assert outputs["code"].value == up.outputs["code"].value
    assert [entry.version for entry in history] == [3, 2, 1]
    assert _summary(destroy.summary) == ("destroy", "succeeded", 4, {"delete": 3})
    assert _summary(info) == ("destroy", "succeeded", 4, {"delete": 3})
    with pytest.raises(automation.StackNotFoundError):
        stack.workspace.select_stack(stack.name)


def test_automation_config_tags_and_rename(make_stack: StackFactory, project_name: str) -> None:
    """Configuration, tags and names change through the API, and the summary carries the configuration of its update."""
    stack = make_stack("dev", shop("blue"))
    key = f"{project_name}:pin"

    stack.set_config("pin", automation.ConfigValue("4711", secret=True))
    stack.set_all_config({"color": automation.ConfigValue("blue"), "size": automation.ConfigValue("7")})
    stack.set_tag("team", "red")
    summary = stack.up().summary
    stack.remove_config("size")
    config, tags = stack.get_all_config(), stack.list_tags()
    renamed = stack.rename("prod")
    after = stack.get_config("pin")
    stack.refresh_config()
    stack.destroy(remove=True)

    assert (summary.config[key].value, summary.config[key].secret) == ("4711", True)
    assert {key, f"{project_name}:color"} == set(config)
    assert ("red", project_name) == (tags["team"], tags["pulumi:project"])
    assert renamed.summary is not None
    assert (after.value, after.secret) == ("4711", True)


def test_automation_export_and_import(make_stack: StackFactory) -> None:
    """A state goes out and in again unchanged."""
    stack = make_stack("dev", shop("blue"))
    stack.up()

    state = stack.export_stack()
    stack.import_stack(state)
    again = stack.export_stack()
    up = stack.up()

    assert _urns(state) == _urns(again)
    assert _summary(up.summary) == ("update", "succeeded", 3, {"same": 3})


def test_automation_recognises_a_concurrent_update(make_stack: StackFactory) -> None:
    """The second update of a stack raises the error that is made for it; an existing stack is recognised, too."""
    begun, finish = threading.Event(), threading.Event()

    def slow() -> None:
        pulumi.Stash("note", input="blue")
        begun.set()
        finish.wait(WAIT_LIMIT_SECONDS)

    first, second = make_stack("dev", slow), make_stack("dev", shop("red"))
    results: list[automation.UpResult] = []
    thread = threading.Thread(target=lambda: results.append(first.up()))

    thread.start()
    assert begun.wait(WAIT_LIMIT_SECONDS)
    try:
        with pytest.raises(automation.ConcurrentUpdateError):
            second.refresh()
    finally:
        finish.set()
        thread.join(WAIT_LIMIT_SECONDS)

    assert [result.summary.result for result in results] == ["succeeded"]
    with pytest.raises(automation.StackAlreadyExistsError):
        second.workspace.create_stack(second.name)
