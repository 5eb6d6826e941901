"""A stack moves to another organization, and the command line goes on with it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.cli import Cli, Server
from tests.e2e.project import UP, ProjectFactory, is_encrypted, secret, stash
from tests.e2e.server import ORG, ServerProcess, running_server

OTHER_ORG = "beta"


@pytest.fixture
def two_organizations(tmp_path: Path) -> Iterator[Server]:
    """A server whose administrator has two organizations: each start makes the one that it names."""
    if running_server():
        pytest.skip("a server that was not started here has no second organization")
    process = ServerProcess(tmp_path / "two" / "data")
    (tmp_path / "two").mkdir()
    for org in (OTHER_ORG, ORG):
        process.server = replace(process.server, org=org)
        process.start()
        if org == OTHER_ORG:
            process.stop()
    yield process.server
    process.stop()


def _transfer(server: Server, stack: str, to_org: str) -> int:
    request = urllib.request.Request(
        f"{server.url}/api/stacks/{stack}/transfer",
        json.dumps({"toOrg": to_org}).encode(),
        {"Authorization": f"token {server.token}", "Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        return int(reply.status)


@pytest.mark.newest_cli_only
def test_transfer_between_organizations(
    make_cli: Callable[[Server], Cli], make_project: ProjectFactory, two_organizations: Server
) -> None:
    """Secrets of state and configuration stay readable, an update finds nothing to do, and new secrets can be made."""
    cli = make_cli(two_organizations)
    cli.login()
    project = make_project(cli)
    project.write({"vault": stash(secret("1234"))}, {"code": "${vault.output}"})
    project.init()
    project.run("config", "set", "--secret", "pin", "4711")
    project.run(*UP)
    old_state = project.run("stack", "export").stdout
    moved = f"{OTHER_ORG}/{project.name}/dev"

    status = _transfer(two_organizations, project.stack(), OTHER_ORG)
    gone = project.run("stack", "select", project.stack(), ok=False)
    project.run("stack", "select", moved)
    code = project.run("stack", "output", "code", "--show-secrets")
    pin = project.run("config", "get", "pin")
    unchanged = project.run(*UP)
    project.write({"vault": stash(secret("1234")), "safe": stash(secret("5678"))}, {"code": "${safe.output}"})
    project.run(*UP)
    state, new_code = project.export(), project.run("stack", "output", "code", "--show-secrets")
    # A state that was kept aside names the old place, where the command line has it decrypted.
    project.file("old.json").write_text(old_state, encoding="utf-8")
    project.run("stack", "import", "--file", "old.json")
    old_code = project.run("stack", "output", "code", "--show-secrets")

    assert status == 204
    assert "no stack named" in gone.text
    assert ["1234", "4711", "5678", "1234"] == [one.stdout.strip() for one in (code, pin, new_code, old_code)]
    assert unchanged.changes() == {"unchanged": 2}
    assert state.secrets_provider["state"]["owner"] == OTHER_ORG
    assert is_encrypted(state.outputs["code"])
    assert f"{OTHER_ORG}/dev" in project.run("stack", "ls", "--all").text
