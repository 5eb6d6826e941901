"""Versions of a state compared, restored and repaired by `stackhold state`, signed in as the command line is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.e2e.project import UP, Project, part, secret, stash

LIMIT_SECONDS = 60


def stackhold(project: Project, *arguments: str, ok: bool = True) -> str:
    """Return what a command prints; it reads the credentials that `pulumi login` wrote."""
    program = Path(sys.executable).with_name("stackhold")
    environment = {"PULUMI_HOME": str(project.cli.home), "PATH": "/usr/bin:/bin"}
    ended = subprocess.run(
        [program, "state", *arguments],
        cwd=project.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_SECONDS,
    )
    assert ok == (ended.returncode == 0), ended.stdout + ended.stderr
    return ended.stdout


def test_an_earlier_version_is_compared_and_restored(project: Project) -> None:
    """What an update changed is told without secrets; after a restore a preview wants the change again."""
    project.write({"a": part(value="1"), "b": stash(secret("hush"))})
    project.init()
    project.run(*UP)
    project.write({"a": part(value="2"), "b": stash(secret("hush")), "c": part()})
    project.run(*UP)
    stack = project.stack()
    told = stackhold(project, "diff", f"{stack}@1", f"{stack}@2")
    stackhold(project, "restore", stack, "--version", "1", "--yes")
    preview = project.run("preview", "--json").json()
    same = stackhold(project, "diff", f"{stack}@1", f"{stack}@3")

    assert "~ value: 1 => 2" in told
    assert "added " in told
    assert "1 added, 1 changed; 4 unchanged." in told
    assert "hush" not in told
    assert {"create": 1, "update": 1} == {name: count for name, count in preview["changeSummary"].items() if name != "same"}
    assert "No resource is different" in same
    assert ["import", "update", "update"] == [entry["kind"] for entry in project.history()]


def test_a_broken_state_is_repaired(project: Project) -> None:
    """What the command line refuses to use, it uses again."""
    project.write({"a": part(value="1"), "b": part(value="2", after="a")})
    project.init()
    project.run(*UP)
    stack = project.stack()
    state = json.loads(stackhold(project, "show", stack))
    state["deployment"]["resources"].reverse()
    file = project.file("broken.json")
    file.write_text(json.dumps(state), encoding="utf-8")
    project.run("stack", "import", "--force", "--file", str(file))
    refused = project.run("preview", ok=False).text
    preview = stackhold(project, "repair", stack, "--preview", ok=False)
    stackhold(project, "repair", stack, "--yes")
    project.run("preview", "--expect-no-changes")

    assert "snapshot integrity" in refused or "integrity" in refused
    assert "Put each resource behind what it needs" in preview
    assert "is sound" in stackhold(project, "check", stack)
