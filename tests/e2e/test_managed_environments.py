"""Stacks with an environment of their own, which `pulumi stack init --esc-config` makes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.e2e.environments import Env
from tests.e2e.project import UP, is_encrypted, stash
from tests.e2e.server import call

EXPERIMENTAL = {"PULUMI_EXPERIMENTAL": "true"}
VALUES = {"color": {"type": "string"}, "code": {"type": "string", "secret": True}}


@pytest.mark.newest_cli_only
def test_a_stack_has_an_environment_of_its_own(env: Env) -> None:
    """Its file is the definition: a preview shows how it differs, an update publishes it, and it is deleted with the stack."""
    project, server = env.project, env.project.cli.server
    project.write({"seen": stash("${color}"), "hidden": stash("${code}")}, configuration=VALUES)

    def run(*args: str, more: Mapping[str, str] | None = None) -> str:
        return project.run(*args, env={**EXPERIMENTAL, **(more or {})}).text

    created = run("stack", "init", project.stack(), "--esc-config")
    run("config", "set", "color", "blue")
    run("config", "set", "--secret", "code", "hidden-code")
    previewed = run("preview")
    before = env.run("get", env.name("dev"), "--definition").stdout
    run(*UP)
    published = env.run("get", env.name("dev"), "--definition").stdout
    address = f"/api/stacks/{project.stack()}"
    events = call(server, f"{address}/update/{call(server, address)['activeUpdate']}/events")["events"]
    run("config", "set", "color", "red")
    # Without the call that creates and starts an update at once.
    updated = run(*UP, more={"PULUMI_DISABLE_BEGIN_UPDATE": "true"})
    state = project.export()
    run("stack", "rename", "prod")
    unchanged = run("preview")
    shown = run("config", "--show-secrets")
    removed = run("stack", "rm", "--yes", "--force")
    gone = env.run("get", env.name("dev"), ok=False).text

    assert f"Created environment {project.name}/dev" in created
    assert f'"{project.name}:color"' in previewed
    assert "pulumiConfig: {}" in before
    assert "color: blue" in published
    assert "hidden-code" not in previewed + published
    assert "blue" in events[0]["stdoutEvent"]["message"]
    assert '"blue" -> "red"' in updated
    assert "red" == state.named("seen")["inputs"]["input"]
    assert is_encrypted(state.named("hidden")["inputs"]["input"])
    assert f'"{project.name}:color"' not in unchanged
    assert "hidden-code" in shown
    assert f"{project.name}/dev" in removed
    assert "not found" in gone.lower()
