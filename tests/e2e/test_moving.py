"""Stacks move from a DIY backend to a server and back, and from one server to another, as the real command line sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.cli import Server
from tests.e2e.project import UP, Project, part, secret, stash
from tests.e2e.server import ServerProcess
from tests.server.server_process import run

PASSPHRASE = "correct horse battery staple"
PROGRAMS = (
    {"vault": stash(secret("1234")), "a": part(value="1")},
    {"vault": stash(secret("1234")), "a": part(value="2"), "b": part(value="x", after="a")},
)
Env = dict[str, str | None]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A running server that is not the one under test, and its data folder."""
    data = tmp_path_factory.mktemp("installation") / "data"
    process = ServerProcess(data)
    process.start()
    yield process.server, data
    process.stop()


def _folder(path: Path) -> Env:
    path.mkdir(exist_ok=True)
    return {"PULUMI_BACKEND_URL": f"file://{path}"}


def _signed_in(server: Server) -> dict[str, str]:
    return {"PULUMI_BACKEND_URL": server.url, "PULUMI_ACCESS_TOKEN": server.token}


def _stackhold(folder: Path, *arguments: str, **settings: str) -> str:
    result = run(folder, *arguments, **settings)
    assert 0 == result.returncode, result.stdout + result.stderr
    return result.stdout


def _make_stack(project: Project, stack: str, env: Env | None = None) -> None:
    """Make a stack with two updates, a tag, and secrets in its configuration and its state."""
    project.run("stack", "init", stack, env=env)
    project.run("config", "set", "--secret", "pin", "4711", env=env)
    project.run("config", "set", "--secret", "--path", "keys[0]", "4712", env=env)
    project.run("config", "set", "name", "alice", env=env)
    for program in PROGRAMS:
        project.write(program, {"code": "${vault.output}"})
        project.run(*UP, "--message", f"of {stack}", env=env)
    project.run("stack", "tag", "set", "group", "web", env=env)


def _history(project: Project, stack: str, env: Env | None = None) -> list[Any]:
    """Return a history without what a backend counts itself: a DIY backend has no versions."""
    entries = project.run("stack", "history", "--json", "--full-dates", "--show-secrets", "--stack", stack, env=env).json()
    return [{name: value for name, value in entry.items() if name not in ("version", "updateID")} for entry in entries]


def _require_same(project: Project, stack: str, env: Env | None = None) -> None:
    """Require that a preview finds no change, and that the secrets of state and configuration open."""
    project.run("preview", "--expect-no-changes", "--stack", stack, env=env)
    assert "1234" == project.run("stack", "output", "code", "--show-secrets", "--stack", stack, env=env).stdout.strip()
    assert "4711" == project.run("config", "get", "pin", "--stack", stack, env=env).stdout.strip()
    assert "web" == project.run("stack", "tag", "get", "group", "--stack", stack, env=env).stdout.strip()


@pytest.mark.newest_cli_only
def test_diy_backend_in_and_out(make_project: Callable[[], Project], installation: tuple[Server, Path], tmp_path: Path) -> None:
    """Stacks of a folder are imported, once, and exported to another folder: no preview shows a change, no update is lost."""
    project, (server, data) = make_project(), installation
    before, after = _folder(tmp_path / "before"), _folder(tmp_path / "after")
    there: Env = {**_signed_in(server)}
    for stack in ("dev", "prod"):
        _make_stack(project, stack, before)
    histories = [_history(project, stack, before) for stack in ("dev", "prod")]

    command = ("import", "diy", f"file://{tmp_path / 'before'}", "--org", server.org, "--data", str(data))
    planned = _stackhold(tmp_path, *command, "--dry-run")
    imported, again = _stackhold(tmp_path, *command), _stackhold(tmp_path, *command)
    for stack in ("dev", "prod"):
        _require_same(project, f"{server.org}/{project.name}/{stack}", there)
    inside = [_history(project, f"{server.org}/{project.name}/{stack}", there) for stack in ("dev", "prod")]
    out = ("export", "diy", f"file://{tmp_path / 'after'}", "--org", server.org, "--stack", f"{project.name}/dev")
    exported = _stackhold(tmp_path, *out, **_signed_in(server))
    _require_same(project, "dev", after)

    assert planned.endswith("2 stacks with 4 updates: 2 new\n")
    assert imported.endswith("2 stacks with 4 updates: 2 moved\n")
    assert again.endswith("2 stacks with 4 updates: 2 already there\n")
    assert exported.endswith("1 stack with 2 updates: 1 moved\n")
    assert histories == inside
    assert histories[0] == _history(project, "dev", after)


@pytest.mark.newest_cli_only
def test_service_in_and_diy_backend_out(
    project: Project, server: Server, installation: tuple[Server, Path], tmp_path: Path
) -> None:
    """Secrets of another service are encrypted anew on the way in, and by a passphrase on the way out to a folder."""
    other, data = installation
    _make_stack(project, project.stack())
    history = _history(project, project.stack())
    there: Env = {**_signed_in(other), "PULUMI_CONFIG_PASSPHRASE": None}
    file = project.file("Pulumi.dev.yaml")
    new_files, out_files = tmp_path / "new", tmp_path / "out"
    named = ("--stack", f"{project.name}/dev", "--config-files")

    into = ("--from-org", server.org, "--org", other.org, "--data", str(data), "--this-url", other.url)
    imported = _stackhold(
        tmp_path, "import", "service", server.url, *into, *named, str(new_files), PULUMI_ACCESS_TOKEN=server.token
    )
    file.write_bytes((new_files / project.name / file.name).read_bytes())
    _require_same(project, f"{other.org}/{project.name}/dev", there)
    inside = _history(project, f"{other.org}/{project.name}/dev", there)
    out = ("export", "diy", f"file://{tmp_path / 'after'}", "--org", other.org)
    exported = _stackhold(tmp_path, *out, *named, str(out_files), **_signed_in(other), PULUMI_CONFIG_PASSPHRASE=PASSPHRASE)
    file.write_bytes((out_files / project.name / file.name).read_bytes())
    after = _folder(tmp_path / "after")
    _require_same(project, "dev", after)

    assert "1 moved" in imported
    assert "1 moved" in exported
    assert history == inside == _history(project, "dev", after)
